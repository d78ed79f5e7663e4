using FeedMall.Bff.Edge;

namespace FeedMall.Bff;

/// <summary>
/// THE list: what every request passes, in this order. The framework has begun the trace before all of it.
/// To come, at the places named: degrade, output cache, quota.
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
        app.UseMiddleware<ContextEdge>();
        // Who calls is known before anything is decided: users share what they are allowed, not the addresses that they come from.
        app.UseAuthentication();
        app.UseMiddleware<IdentityEdge>();
        // degrade · output cache
        app.UseAuthorization();
        // quota
        app.UseMiddleware<RateLimitEdge>();
        app.UseMiddleware<AdmissionEdge>();
        app.UseMiddleware<BodyEdge>();
    }
}
