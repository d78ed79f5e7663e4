namespace FeedMall.Bff.Edge;

/// <summary>
/// Answers HEAD where GET is answered, with the same status and headers: from here on the request is a GET. The server remembers what came
/// and sends no body.
/// </summary>
internal sealed class HeadEdge(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var isHead = HttpMethods.IsHead(context.Request.Method);
        if (isHead) context.Request.Method = HttpMethods.Get;
        try
        {
            await next(context);
        }
        finally
        {
            // Logs and traces tell what came.
            if (isHead) context.Request.Method = HttpMethods.Head;
        }
    }
}
