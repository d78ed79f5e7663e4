using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using FeedMall.Bff.Edge;
using FeedMall.Resilience;

namespace FeedMall.Bff.Protection;

/// <summary>What a protection did to a request.</summary>
internal enum Effect
{
    /// <summary>Turned it away.</summary>
    Refused,

    /// <summary>Would have turned it away, were it not in dry run.</summary>
    DryRun,

    /// <summary>Gave it an answer that is older than it should be.</summary>
    Stale,
}

/// <summary>
/// THE place where protections explain themselves: each decision that changes what becomes of a request counts in one metric, stands on the span, and is
/// named in the response header.
/// </summary>
internal sealed class Decisions(IMeterFactory meters, IChance chance)
{
    public const string Header = "X-FeedMall-Decision";

    private readonly Counter<long> _count = meters.Create("FeedMall.Bff").CreateCounter<long>(
        "feedmall.bff.decisions", "{decision}", "What the protections of the edge did to requests.");

    /// <summary>Tells of a decision.</summary>
    public void Tell(HttpContext context, string mechanism, string reason, Effect effect)
    {
        var text = Text(effect);
        _count.Add(1, new("mechanism", mechanism), new("route", RoutePolicy.NameOf(context)), new("reason", reason), new("effect", text));
        Activity.Current?.AddEvent(new ActivityEvent(mechanism, tags: new ActivityTagsCollection { ["reason"] = reason, ["effect"] = text }));
        if (!context.Response.HasStarted) context.Response.Headers.Append(Header, $"{mechanism}; reason={reason}; effect={text}");
    }

    /// <summary>Turns a request away: status, reason, Retry-After, and not a byte of its body read.</summary>
    /// <param name="retryAfter">From when on it makes sense to come back; null: the mechanism cannot know, so in a second or three.</param>
    public Task RefuseAsync(HttpContext context, string mechanism, Reason reason, TimeSpan? retryAfter = null)
    {
        Tell(context, mechanism, reason.Text(), Effect.Refused);
        if (retryAfter != TimeSpan.MaxValue) context.Response.Headers.RetryAfter = SecondsUntil(retryAfter).ToString(CultureInfo.InvariantCulture);
        return Failures.WriteAsync(context, Failures.Of(reason));
    }

    /// <summary>Whether an answer says that its request was turned away.</summary>
    public static bool IsRefusal(HttpResponse response) =>
        response.StatusCode >= 400 && response.Headers.TryGetValue(Header, out var told) && told.ToString().Contains("effect=refused", StringComparison.Ordinal);

    // Never too early, and spread over a second or a half of the time, so that those who were refused together do not come back together.
    private long SecondsUntil(TimeSpan? retryAfter)
    {
        var seconds = retryAfter?.TotalSeconds ?? 1;
        return (long)Math.Ceiling(seconds + chance.NextDouble() * Math.Max(retryAfter is null ? 2 : 1, seconds / 2));
    }

    private static string Text(Effect effect) => effect switch
    {
        Effect.Refused => "refused",
        Effect.DryRun => "dry_run",
        _ => "stale",
    };
}
