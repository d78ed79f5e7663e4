using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using FeedMall.Bff.Answers;
using FeedMall.Bff.Edge;
using FeedMall.Resilience;
using FeedMall.Rpc.Client;

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

    /// <summary>Gave it something else than it asked for, because that could not be had.</summary>
    Default,

    /// <summary>Gave it an answer that lacks a part, or has something else in its place.</summary>
    Partial,

    /// <summary>Sent a call of it again.</summary>
    Retried,

    /// <summary>Would have sent a call of it again, but the retry budget was used up.</summary>
    GivenUp,

    /// <summary>Sent a call of it to the addresses that stand by.</summary>
    Diverted,
}

/// <summary>A no that was not written yet: something else may be answered in its place.</summary>
/// <param name="Failure">What the caller is told otherwise.</param>
/// <param name="Mechanism">The protection that said it; null: none did.</param>
/// <param name="RetryAfterSeconds">From when on it makes sense to come back; null: nothing is said of it.</param>
/// <param name="IsByDependency">Whether it came from a domain service, or from the way to it.</param>
internal sealed record Refusal(Failure Failure, string? Mechanism, long? RetryAfterSeconds, bool IsByDependency);

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
        Count(mechanism, RoutePolicy.NameOf(context), reason, effect);
        RequestScope.Current?.Explain(Sentence(mechanism, reason, effect));
    }

    /// <summary>Tells of what happened to a call to a domain service. It came from the request that this code works for, or from none.</summary>
    public void Tell(CallNote note)
    {
        var scope = RequestScope.Current;
        var (mechanism, effect) = note.Turn switch
        {
            CallTurn.Retried => (Mechanisms.Retry, Effect.Retried),
            CallTurn.GivenUp => (Mechanisms.Retry, Effect.GivenUp),
            CallTurn.Diverted => (Mechanisms.Breaker, Effect.Diverted),
            _ => (Mechanisms.OfRefusal(note.Reason) ?? Mechanisms.Breaker, Effect.DryRun),
        };
        Count(mechanism, scope?.Route ?? "none", note.Reason, effect);
        scope?.Explain(Sentence(mechanism, note.Reason, effect));
    }

    /// <summary>Turns a request away, unless ErrorEdge finds something else to answer; not a byte of its body is read.</summary>
    /// <param name="retryAfter">From when on it makes sense to come back; null: the mechanism cannot know, so in a second or three.</param>
    public Task RefuseAsync(HttpContext context, string mechanism, Reason reason, TimeSpan? retryAfter = null)
    {
        long? seconds = retryAfter == TimeSpan.MaxValue ? null : SecondsUntil(retryAfter);
        Refuse(context, new Refusal(Failures.Of(reason), mechanism, seconds, IsByDependency: false));
        return Task.CompletedTask;
    }

    /// <summary>The same.</summary>
    public static void Refuse(HttpContext context, Refusal refusal)
    {
        context.Features.Set(refusal);
        context.Response.StatusCode = refusal.Failure.Code;
    }

    /// <summary>The last word: status, reason, Retry-After.</summary>
    public Task WriteAsync(HttpContext context, Refusal refusal)
    {
        if (refusal.Mechanism is not null) Tell(context, refusal.Mechanism, refusal.Failure.Reason, Effect.Refused);
        if (refusal.RetryAfterSeconds is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return Failures.WriteAsync(context, refusal.Failure);
    }

    /// <summary>Whether an answer says that its request was turned away.</summary>
    public static bool IsRefusal(HttpResponse response) =>
        response.StatusCode >= 400 && response.Headers.TryGetValue(Header, out var told) && told.ToString().Contains("effect=refused", StringComparison.Ordinal);

    /// <summary>
    /// The value of Retry-After: never too early, and spread over a second or a half of the time, so that those who were refused together do not come back together. Null: it
    /// cannot be known, so in one to three seconds.
    /// </summary>
    public long SecondsUntil(TimeSpan? retryAfter)
    {
        var seconds = retryAfter?.TotalSeconds ?? 1;
        return (long)Math.Ceiling(seconds + chance.NextDouble() * Math.Max(retryAfter is null ? 2 : 1, seconds / 2));
    }

    private void Count(string mechanism, string route, string reason, Effect effect)
    {
        var text = Text(effect);
        _count.Add(1, new("mechanism", mechanism), new("route", route), new("reason", reason), new("effect", text));
        Activity.Current?.AddEvent(new ActivityEvent(mechanism, tags: new ActivityTagsCollection { ["reason"] = reason, ["effect"] = text }));
    }

    private static string Sentence(string mechanism, string reason, Effect effect) => $"{mechanism}; reason={reason}; effect={Text(effect)}";

    private static string Text(Effect effect) => effect switch
    {
        Effect.Refused => "refused",
        Effect.DryRun => "dry_run",
        Effect.Stale => "stale",
        Effect.Default => "default",
        Effect.Retried => "retried",
        Effect.GivenUp => "given_up",
        Effect.Diverted => "diverted",
        _ => "partial",
    };
}
