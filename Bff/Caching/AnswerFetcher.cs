using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Resilience.Caching;
using FeedMall.Resilience.Queueing;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.OutputCaching;

namespace FeedMall.Bff.Caching;

/// <summary>What requests that many wait for pass. The pipeline says it; built at their first use, when all settings are known.</summary>
internal sealed class AnswerWays
{
    private Lazy<RequestDelegate>? _make;
    private Lazy<RequestDelegate>? _send;

    /// <summary>Makes and stores an answer.</summary>
    public RequestDelegate Make => _make!.Value;

    /// <summary>Sends one that was found.</summary>
    public RequestDelegate Send => _send!.Value;

    /// <summary>Once, by the pipeline.</summary>
    public void Set(Func<RequestDelegate> make, Func<RequestDelegate> send) => (_make, _send) = (new Lazy<RequestDelegate>(make), new Lazy<RequestDelegate>(send));
}

/// <summary>
/// Makes answers that are missing: each once, however many wait for it. The work runs in a request of its own, which is no caller's: it goes on when the first of
/// them leaves, it is nobody's (no user, unless the answer is one user's own), and only a whole answer is kept.
/// </summary>
internal sealed class AnswerFetcher(AnswerStore store, AnswerWays ways, IServiceScopeFactory scopes, TimeProvider clock)
{
    private static readonly TimeSpan s_sending = TimeSpan.FromMilliseconds(50);
    // Where a flight that failed leaves what protections did to it, and how much it mattered.
    private const string DecisionsKey = "FeedMall.Decisions";
    private const string CriticalityKey = "FeedMall.Criticality";

    // Who asks after a write does not join who asked before it: by Version.
    private readonly record struct FlightKey(string Answer, long Version);

    private readonly SingleFlight<FlightKey, FetchedAnswer> _flights = new(new SingleFlightOptions { TimeLimit = BffOptionsValidator.Longest }, clock);

    /// <summary>For the governor.</summary>
    public SingleFlightSnapshot Snapshot() => _flights.Snapshot();

    /// <summary>Whether the answer is being made already.</summary>
    public bool IsMaking(AnswerLookup lookup) => _flights.IsUnderWay(KeyOf(lookup));

    /// <summary>How much the flight mattered that failed in this way.</summary>
    public static Criticality CriticalityOf(Exception failure) => failure.Data[CriticalityKey] is Criticality known ? known : Criticality.CriticalPlus;

    /// <summary>Sends the last good answer, however old it is.</summary>
    public Task SendCopyAsync(HttpContext context, AnswerLookup lookup)
    {
        store.UseCopy(lookup);
        store.Current = lookup;
        RequestContext.Of(context).AnswerAnyway();
        // The framework's middleware looks once for each request; this is its second look.
        context.Features.Set<IOutputCacheFeature>(null);
        return ways.Send(context);
    }

    /// <summary>The answer to a request whose lookup found nothing.</summary>
    /// <exception cref="TooManyFlightsException">Too many are being made.</exception>
    public async Task<FetchedAnswer> FetchAsync(HttpContext context, AnswerLookup lookup)
    {
        var request = RequestContext.Of(context);
        var load = Prepare(context, lookup);
        // Who has a copy to fall back on gives up in time to send it.
        var patience = lookup.TooOld is null ? request.Remaining : request.Remaining - s_sending;
        using var enough = new CancellationTokenSource(patience > TimeSpan.Zero ? patience : TimeSpan.Zero, clock);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(request.Cancelled, enough.Token);
        try
        {
            var answer = (await _flights.RunAsync(KeyOf(lookup), load, ended.Token, request.Remaining)).Value;
            Explain(answer.Decisions);
            return answer;
        }
        catch (Exception failure) when (failure.Data[DecisionsKey] is IReadOnlyList<string> decisions)
        {
            Explain(decisions);
            throw;
        }
    }

    /// <summary>Begins to renew an answer; nobody waits for it.</summary>
    public void Renew(HttpContext context, AnswerLookup lookup) => _flights.TryBegin(KeyOf(lookup), Prepare(context, lookup));

    private FlightKey KeyOf(AnswerLookup lookup) => new(lookup.Key, store.VersionOf(lookup));

    private static void Explain(IReadOnlyList<string> decisions)
    {
        foreach (var decision in decisions) RequestScope.Current?.Explain(decision);
    }

    // All that is needed of the caller's request is copied now: when the flight runs, the caller may be gone, and his context somebody else's.
    private Func<Flight<FlightKey>, Task<FetchedAnswer>> Prepare(HttpContext context, AnswerLookup lookup)
    {
        var (path, query, endpoint, request) = (context.Request.Path, context.Request.QueryString, context.GetEndpoint(), RequestContext.Of(context));
        var values = new RouteValueDictionary(context.Request.RouteValues);
        // Only the same user waits for an answer that is his own.
        var isUsers = endpoint?.Metadata.GetMetadata<CacheRule>() is { PerUser: true };
        return async flight =>
        {
            await using var services = scopes.CreateAsyncScope();
            using var body = new MemoryStream();
            var own = new DefaultHttpContext { RequestServices = services.ServiceProvider, RequestAborted = flight.Cancellation };
            own.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(body));
            (own.Request.Method, own.Request.Scheme, own.Request.Path, own.Request.QueryString, own.Request.RouteValues) = (HttpMethods.Get, "http", path, query, values);
            own.SetEndpoint(endpoint);
            var scope = RequestScope.Begin(own, isFlight: true);
            scope.Request = request.ForFlight(own, flight.Cancellation);
            if (isUsers) scope.Request.Uid = request.Uid;
            own.Features.Set(scope.Request);
            var fill = new AnswerLookup(lookup.Key, lookup.Tags, isFill: true);
            await store.BeginAsync(fill, lookup.Stamps);
            store.Current = fill;
            try
            {
                await store.TakeTurnAsync(fill, () => ways.Make(own), flight.Cancellation);
            }
            catch (Exception failure)
            {
                (failure.Data[DecisionsKey], failure.Data[CriticalityKey]) = (scope.End(), request.Criticality);
                throw;
            }
            await own.Features.GetRequiredFeature<IHttpResponseBodyFeature>().CompleteAsync();
            return new FetchedAnswer(
                own.Response.StatusCode, own.Response.Headers, body.ToArray(), own.Features.Get<Refusal>(), scope.Request.Missing, request.Criticality, scope.End());
        };
    }
}
