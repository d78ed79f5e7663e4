using System.Globalization;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Resilience;
using FeedMall.Rpc.Errors;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Degradation;

/// <summary>
/// What is answered when a route cannot: the last good answer, a default, or nothing (then the refusal goes out). When: its switch. A copy is given only to whom
/// the original would have been given: its key has all that changes the answer, and nothing is given before it is known who asks and that he may.
/// </summary>
internal sealed class Fallbacks(AnswerStore store, AnswerFetcher fetcher, Switches switches, Decisions decisions, IOptionsMonitor<ProtectionOptions> options)
{
    public const string Header = "X-FeedMall-Degraded";

    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(5);

    /// <summary>Whether the route's switch keeps the request from being answered as usual. In dry run that is only told.</summary>
    public bool IsForced(HttpContext context)
    {
        if (SwitchOf(context).State != SwitchState.Forced) return false;
        if (!switches.DryRun) return true;
        Tell(context, RefusalReasons.Degraded, Effect.DryRun);
        return false;
    }

    /// <summary>Whether what a domain service fails to give may be answered in another way.</summary>
    public bool MayReplace(HttpContext context, string dependency) =>
        !switches.DryRun && SwitchOf(context).State != SwitchState.Off && switches.OfDependency(dependency).State != SwitchState.Off;

    /// <summary>Whether there may be something else to answer than this refusal.</summary>
    public bool MayAnswer(HttpContext context, Refusal refusal) =>
        RoutePolicy.Of(context) is { } policy && RequestContext.Of(context) is { MayFallBack: true } && IsForWantOfSomething(refusal) && SwitchOf(context).State != SwitchState.Off
        && !(refusal.IsByDependency && policy.Dependencies.Any(dependency => switches.OfDependency(dependency).State == SwitchState.Off))
        && context.GetEndpoint()!.Metadata.GetMetadata<NoFallback>() is null;

    /// <summary>Answers something else than this refusal.</summary>
    /// <returns>False: there is nothing.</returns>
    public async Task<bool> TryAnswerAsync(HttpContext context, Refusal refusal)
    {
        if (!MayAnswer(context, refusal)) return false;
        var reason = refusal.Failure.Reason;
        if (await FindCopyAsync(context) is { } lookup)
        {
            if (TellDryRun(context, reason)) return false;
            // A service that is just broken is asked again once in a while, not by everybody who comes.
            if (refusal.IsByDependency && reason != RefusalReasons.Degraded) store.Pause(lookup, refusal, PauseOf(context));
            Tell(context, reason, Effect.Stale);
            await fetcher.SendCopyAsync(context, lookup);
            return true;
        }
        if (context.GetEndpoint()!.Metadata.GetMetadata<DefaultRule>()?.Find(context) is not { } answer || TellDryRun(context, reason)) return false;
        Tell(context, reason, Effect.Default);
        if (answer.Age is { } age) context.Response.Headers.Age = ((long)Math.Max(0, age.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        RequestContext.Of(context).AnswerAnyway();
        await answer.Result.ExecuteAsync(context);
        return true;
    }

    /// <summary>Tells of the parts that the answer goes without.</summary>
    public void TellMissing(HttpContext context)
    {
        if (RequestContext.Of(context).Missing is not { Count: > 0 } missing) return;
        foreach (var reason in missing.Select(part => part.Reason).Distinct(StringComparer.Ordinal)) Tell(context, reason, Effect.Partial);
    }

    // A defect of ours is mended, not covered; and a refusal that is about the caller himself is the answer to him.
    private static bool IsForWantOfSomething(Refusal refusal) => refusal.Failure switch
    {
        { Reason: Reasons.Internal } => false,
        { Code: >= 500 } => true,
        // Of a domain service, which has the same caller for everybody: us.
        { Code: StatusCodes.Status429TooManyRequests } => refusal.IsByDependency,
        _ => false,
    };

    private async ValueTask<AnswerLookup?> FindCopyAsync(HttpContext context)
    {
        if (!options.CurrentValue.Cache.Enabled || context.GetEndpoint()!.Metadata.GetMetadata<CacheRule>() is not { } rule) return null;
        if (context.Features.Get<AnswerLookup>() is not { } lookup) await store.LookUpAsync(lookup = AnswerLookup.Begin(context, rule));
        return lookup.Found is null && lookup.TooOld is null ? null : lookup;
    }

    private Switch SwitchOf(HttpContext context) => switches.OfRoute(RoutePolicy.NameOf(context));

    private TimeSpan PauseOf(HttpContext context)
    {
        var pause = CacheRule.TimeToLiveOf(context, options.CurrentValue)!.Value / 10;
        return pause < s_longestPause ? pause : s_longestPause;
    }

    private bool TellDryRun(HttpContext context, string reason)
    {
        if (!switches.DryRun) return false;
        Tell(context, reason, Effect.DryRun);
        return true;
    }

    private void Tell(HttpContext context, string reason, Effect effect)
    {
        var isDryRun = effect == Effect.DryRun;
        SwitchOf(context).Act(isDryRun);
        decisions.Tell(context, Mechanisms.Degrade, reason, effect);
        if (!isDryRun) context.Response.Headers.Append(Header, $"{RoutePolicy.NameOf(context)}; reason={reason}");
    }
}
