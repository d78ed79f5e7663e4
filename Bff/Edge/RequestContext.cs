using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using FeedMall.Resilience.Queueing;
using FeedMall.Rpc;
using FeedMall.ServiceDefaults;
using Grpc.Core;

namespace FeedMall.Bff.Edge;

/// <summary>A part that an answer goes without, or that has something else in its place.</summary>
internal sealed record MissingPart(string Name, string Reason);

/// <summary>What is known of the request that runs, and what of it travels on to the domain services.</summary>
/// <param name="budget">The time from now on in which an answer is of use.</param>
/// <param name="callerGone">Fires when the caller goes away, and only then.</param>
internal sealed class RequestContext(HttpContext http, TimeSpan budget, CancellationToken callerGone, TimeProvider clock)
{
    // What is kept back from a part of an answer, so that the rest of it can still be written: a fifth of the time that is left, not less than this,
    // and not more than half of it.
    private static readonly TimeSpan LeastReserve = TimeSpan.FromMilliseconds(20);
    private const int Ipv6SiteBytes = 8;

    private readonly long _startedAt = clock.GetTimestamp();
    private readonly DateTimeOffset _deadline = clock.GetUtcNow() + budget;
    private string? _client;
    private List<MissingPart>? _missing;

    /// <summary>The logged-in user, or null. Known once the token was checked.</summary>
    public long? Uid { get; set; }

    /// <summary>The time that the route gives its requests; this one may have asked for less.</summary>
    public required TimeSpan RouteTime { get; init; }

    /// <summary>Whether this one has asked for less.</summary>
    public bool IsHurried => budget < RouteTime;

    /// <summary>How much it hurts when this request is refused.</summary>
    public required Criticality Criticality { get; init; }

    /// <summary>Where the client is, behind proxies that are trusted.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>The application that calls, as it says itself.</summary>
    public required string App { get; init; }

    /// <summary>Which copies of the services it is for; null: the ordinary ones.</summary>
    public required string? Colour { get; init; }

    /// <summary>Who is limited: a user, or an address for those who are not logged in. First asked for when the token was checked.</summary>
    public string Client => _client ??= Uid is { } uid ? string.Create(CultureInfo.InvariantCulture, $"user {uid}") : NameOf(Address);

    /// <summary>Time until the answer is worthless; negative when it is.</summary>
    public TimeSpan Remaining => budget - clock.GetElapsedTime(_startedAt);

    /// <summary>Fires at the deadline, or when the caller goes away.</summary>
    public CancellationToken Cancelled => http.RequestAborted;

    /// <summary>The trace that this request belongs to.</summary>
    public static string TraceId => Activity.Current?.TraceId.ToHexString() ?? "";

    /// <summary>Fires when the caller goes away, and only then.</summary>
    public CancellationToken CallerGone { get; } = callerGone;

    /// <summary>Whether something else may be answered when it fails: it is known who asks, and that he may.</summary>
    public bool MayFallBack { get; set; }

    /// <summary>What the answer lacks. Where it lacks something it is not kept.</summary>
    public IReadOnlyList<MissingPart> Missing => _missing ?? (IReadOnlyList<MissingPart>)[];

    /// <summary>Its time may be over, but its caller is answered all the same, as long as he is there.</summary>
    public void AnswerAnyway() => http.RequestAborted = CallerGone;

    /// <summary>The answer goes without this part. Only from the code that makes the answer, before it is written.</summary>
    public void GoWithout(MissingPart part) => (_missing ??= []).Add(part);

    /// <summary>What a call to a domain service is sent with: user, deadline, cancellation.</summary>
    public CallOptions ToCallOptions() => ToCallOptions(_deadline);

    /// <summary>The same for a part that the answer can go without: it ends early enough for the answer to be written without it.</summary>
    /// <param name="atMost">The time of this part, if so much is left.</param>
    public CallOptions ToPartCallOptions(TimeSpan atMost)
    {
        var now = clock.GetUtcNow();
        var left = _deadline - now;
        var reserve = left / 5 > LeastReserve ? left / 5 : LeastReserve;
        if (reserve > left / 2) reserve = left / 2;
        return ToCallOptions(now + (atMost < left - reserve ? atMost : left - reserve));
    }

    /// <summary>The context of a request that has passed ContextEdge.</summary>
    public static RequestContext Of(HttpContext context) => context.Features.Get<RequestContext>()!;

    public static ValueTask<RequestContext?> BindAsync(HttpContext context) => new(context.Features.Get<RequestContext>());

    /// <summary>The same request as one that is nobody's: for work that many wait for. It has the route's whole time, whatever this caller asked for.</summary>
    /// <param name="own">Its own context.</param>
    /// <param name="cancelled">Fires when nobody waits any more.</param>
    public RequestContext ForFlight(HttpContext own, CancellationToken cancelled) =>
        new(own, RouteTime, cancelled, clock) { Criticality = Criticality, Address = Address, App = App, Colour = null, RouteTime = RouteTime };

    private CallOptions ToCallOptions(DateTimeOffset until)
    {
        var metadata = new Metadata { { MetadataKeys.Criticality, Criticality.Text() }, { MetadataKeys.CallerApp, App }, { MetadataKeys.ClientAddress, Address.ToString() } };
        if (Uid is { } uid) metadata.Add(Caller.UidKey, uid.ToString(CultureInfo.InvariantCulture));
        if (Colour is not null) metadata.Add(MetadataKeys.Colour, Colour);
        // The call has the deadline as such; a token that fires at the same moment would turn "too late" into "cancelled".
        return new CallOptions(metadata, until.UtcDateTime, CallerGone);
    }

    // Whoever has one IPv6 address has a whole site of them.
    private static string NameOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address.ToString();
        var bytes = address.GetAddressBytes();
        Array.Clear(bytes, Ipv6SiteBytes, bytes.Length - Ipv6SiteBytes);
        return $"{new IPAddress(bytes)}/64";
    }
}
