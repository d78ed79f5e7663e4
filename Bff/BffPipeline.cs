using FeedMall.Bff.Caching;
using FeedMall.Bff.Edge;

namespace FeedMall.Bff;

/// <summary>
/// THE list: what every request passes, in this order. The framework has begun the trace before all of it.
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
        app.UseAuthorization();
        app.UseMiddleware<EvictEdge>();
        app.UseMiddleware<DegradeEdge>();
        app.UseMiddleware<CacheEdge>();
        app.UseOutputCache();
        app.UseMiddleware<RateLimitEdge>();
        app.UseMiddleware<QuotaEdge>();
        app.UseMiddleware<CoalesceEdge>();
        app.UseMiddleware<AdmissionEdge>();
        app.UseMiddleware<BodyEdge>();
        app.Services.GetRequiredService<AnswerWays>().Set(make: () => BuildFlight(app), send: () => BuildSending(app));
    }

    // What the one request passes that makes an answer for all who wait for it.
    private static RequestDelegate BuildFlight(IApplicationBuilder app)
    {
        var flight = app.New();
        flight.UseOutputCache();
        flight.UseMiddleware<AdmissionEdge>();
        flight.Run(context => context.GetEndpoint()!.RequestDelegate!(context));
        return flight.Build();
    }

    private static RequestDelegate BuildSending(IApplicationBuilder app)
    {
        var sending = app.New();
        sending.UseOutputCache();
        return sending.Build();
    }
}
