using FeedMall.Bff.Protection;

namespace FeedMall.Bff.Edge;

/// <summary>
/// One line per request: method, route, status, milliseconds. No query and no body: they may hold what is private. Who is refused is counted
/// (feedmall.bff.decisions) and not logged one by one: under overload that would be most of the work.
/// </summary>
internal sealed partial class AccessLogEdge(RequestDelegate next, TimeProvider clock, ILogger<AccessLogEdge> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var start = clock.GetTimestamp();
        await next(context);
        if (!log.IsEnabled(LogLevel.Information) || Decisions.IsRefusal(context.Response)) return;
        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "(no route)";
        LogRequest(context.Request.Method, route, context.Response.StatusCode, clock.GetElapsedTime(start).TotalMilliseconds);
    }

    [LoggerMessage(1, LogLevel.Information, "{Method} {Route} {Status} {Milliseconds:0.0} ms", SkipEnabledCheck = true)]
    private partial void LogRequest(string method, string route, int status, double milliseconds);
}
