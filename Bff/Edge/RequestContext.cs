using System.Diagnostics;
using System.Globalization;
using System.Security.Claims;
using FeedMall.ServiceDefaults;
using Grpc.Core;

namespace FeedMall.Bff.Edge;

/// <summary>What is known of the request that runs, and what of it travels on to the domain services.</summary>
internal sealed class RequestContext(HttpContext http, DateTimeOffset deadline, CancellationToken callerGone, TimeProvider clock)
{
    // What is kept back from a part of an answer, so that the rest of it can still be written: a fifth of the time that is left, not less than this,
    // and not more than half of it.
    private static readonly TimeSpan LeastReserve = TimeSpan.FromMilliseconds(20);

    /// <summary>The logged-in user, or null. Known once the token was checked, which is after the deadline was set.</summary>
    public long? Uid =>
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
    public CallOptions ToCallOptions() => ToCallOptions(Deadline);

    /// <summary>The same for a part that the answer can go without: it ends early enough for the answer to be written without it.</summary>
    /// <param name="atMost">The time of this part, if so much is left.</param>
    public CallOptions ToPartCallOptions(TimeSpan atMost)
    {
        var now = clock.GetUtcNow();
        var left = Deadline - now;
        var reserve = left / 5 > LeastReserve ? left / 5 : LeastReserve;
        if (reserve > left / 2) reserve = left / 2;
        return ToCallOptions(now + (atMost < left - reserve ? atMost : left - reserve));
    }

    private CallOptions ToCallOptions(DateTimeOffset until)
    {
        var metadata = new Metadata();
        if (Uid is { } uid) metadata.Add(Caller.UidKey, uid.ToString(CultureInfo.InvariantCulture));
        // The call has the deadline as such; a token that fires at the same moment would turn "too late" into "cancelled".
        return new CallOptions(metadata, until.UtcDateTime, CallerGone);
    }

    public static ValueTask<RequestContext?> BindAsync(HttpContext context) => new(context.Features.Get<RequestContext>());
}
