using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http.Features;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Begins and ends the request's scope. Names the framework's span of the request after its route, and tells whose it was and how it ended; the framework leaves
/// that open.
/// </summary>
internal sealed class TraceEdge(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var scope = RequestScope.Begin(context);
        try
        {
            await next(context);
        }
        finally
        {
            Describe(context, scope);
            scope.End();
        }
    }

    private static void Describe(HttpContext context, RequestScope scope)
    {
        if (context.Features.Get<IHttpActivityFeature>()?.Activity is not { IsAllDataRequested: true } span) return;
        var status = context.Response.StatusCode;
        if ((context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText is { } route)
        {
            span.DisplayName = $"{context.Request.Method} {route}";
            span.SetTag("http.route", route);
        }
        scope.Write((name, value) => span.SetTag(name, value));
        span.SetTag("http.request.method", context.Request.Method);
        span.SetTag("http.response.status_code", status);
        if (status >= 500) span.SetStatus(ActivityStatusCode.Error, status.ToString(CultureInfo.InvariantCulture));
    }
}
