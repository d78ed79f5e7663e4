using System.Diagnostics;
using System.Globalization;
using System.Security.Claims;
using FeedMall.ServiceDefaults;
using Grpc.Core;

namespace FeedMall.Bff.Edge;

/// <summary>What is known of the request that runs, and what of it travels on to the domain services.</summary>
internal sealed class RequestContext(HttpContext http, DateTimeOffset deadline, CancellationToken callerGone, TimeProvider clock)
{
    /// <summary>The logged-in user, or null.</summary>
    public long? Uid { get; } =
        long.TryParse(http.User.FindFirstValue(ClaimTypes.NameIdentifier), NumberStyles.None, CultureInfo.InvariantCulture, out var uid) ? uid : null;

    /// <summary>When the answer is worthless.</summary>
    public DateTimeOffset Deadline { get; } = deadline;

    /// <summary>Fires at the deadline, or when the caller goes away.</summary>
    public CancellationToken Cancelled => http.RequestAborted;

    /// <summary>The trace that this request belongs to.</summary>
    public static string TraceId => Activity.Current?.TraceId.ToHexString() ?? "";

    /// <summary>Fires when the caller goes away, and only then.</summary>
    public CancellationToken CallerGone { get; } = callerGone;

    /// <summary>What a call to a domain service is sent with: user, deadline, cancellation.</summary>
    /// <param name="atMost">A shorter time for this call.</param>
    public CallOptions ToCallOptions(TimeSpan? atMost = null)
    {
        var deadline = Deadline;
        if (atMost is { } limit && clock.GetUtcNow() + limit is var own && own < deadline) deadline = own;
        var metadata = new Metadata();
        if (Uid is { } uid) metadata.Add(Caller.UidKey, uid.ToString(CultureInfo.InvariantCulture));
        // The call has the deadline as such; a token that fires at the same moment would turn "too late" into "cancelled".
        return new CallOptions(metadata, deadline.UtcDateTime, CallerGone);
    }

    public static ValueTask<RequestContext?> BindAsync(HttpContext context) => new(context.Features.Get<RequestContext>());
}
