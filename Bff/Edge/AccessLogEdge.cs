namespace FeedMall.Bff.Edge;

/// <summary>One line per request: method, route, status, milliseconds. No query and no body: they may hold what is private.</summary>
internal sealed partial class AccessLogEdge(RequestDelegate next, TimeProvider clock, ILogger<AccessLogEdge> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var start = clock.GetTimestamp();
        await next(context);
        if (!log.IsEnabled(LogLevel.Information)) return;
        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "(no route)";
        LogRequest(context.Request.Method, route, context.Response.StatusCode, clock.GetElapsedTime(start).TotalMilliseconds);
    }

    [LoggerMessage(1, LogLevel.Information, "{Method} {Route} {Status} {Milliseconds:0.0} ms", SkipEnabledCheck = true)]
    private partial void LogRequest(string method, string route, int status, double milliseconds);
}
