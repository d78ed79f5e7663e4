using FeedMall.Bff.Edge;

namespace FeedMall.Bff;

/// <summary>
/// THE list: what every request passes, in this order. The framework has begun the trace before all of it.
/// To come, at the places named: degrade, output cache, admission, quota, token bucket.
/// </summary>
internal static class BffPipeline
{
    public static void UseBffPipeline(this WebApplication app)
    {
        app.UseMiddleware<TraceEdge>();
        app.UseMiddleware<AccessLogEdge>();
        app.UseMiddleware<ErrorEdge>();
        app.UseMiddleware<HeadEdge>();
        app.UseRouting();
        app.UseMiddleware<DeadlineEdge>();
        // degrade · output cache · admission
        app.UseAuthentication();
        app.UseMiddleware<IdentityEdge>();
        app.UseAuthorization();
        // quota · token bucket
        app.UseMiddleware<BodyEdge>();
    }
}
