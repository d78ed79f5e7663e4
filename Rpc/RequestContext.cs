using FeedMall.Rpc.Server;
using Grpc.Core;

namespace FeedMall.Rpc;

/// <summary>
/// What calls inherit from the request that is being answered: how long it still has, when it is given up, and the metadata that
/// travels on (spec §7.1, §12). It flows with the code that answers the request; background work that outlives it clears it.
/// </summary>
public sealed class RequestContext
{
    // A RequestContext, or the call that one is made of when somebody asks.
    private static readonly AsyncLocal<object?> s_current = new();

    private readonly TimeProvider? _clock;
    private readonly long _startedAt;
    private readonly TimeSpan _timeout;
    private readonly Metadata? _metadata;
    private readonly ServerCall? _call;
    private readonly CancellationToken _cancellationToken;

    /// <summary>The context of a request that has this much time from now on.</summary>
    /// <param name="timeout">Until its deadline.</param>
    /// <param name="metadata">What came with it; entries that start with <see cref="MetadataKeys.Global"/> travel on.</param>
    /// <param name="cancellationToken">Fires when nobody waits for the answer any more.</param>
    /// <param name="clock">What the time is measured with.</param>
    public RequestContext(TimeSpan timeout, Metadata metadata, CancellationToken cancellationToken, TimeProvider clock)
    {
        _clock = clock;
        _startedAt = clock.GetTimestamp();
        _timeout = timeout;
        _metadata = metadata;
        _cancellationToken = cancellationToken;
    }

    // What the call knows is read only when something asks for it.
    private RequestContext(ServerCall call) => _call = call;

    /// <summary>The context of the request that this code answers, or null. Setting it holds for this asynchronous flow only.</summary>
    public static RequestContext? Current
    {
        get => s_current.Value switch
        {
            ServerCall call => new RequestContext(call),
            var context => (RequestContext?)context,
        };
        set => s_current.Value = value;
    }

    /// <summary>From here on this asynchronous flow answers this call.</summary>
    internal static void Enter(ServerCall call) => s_current.Value = call;

    /// <summary>Time until the deadline; negative when it has passed.</summary>
    public TimeSpan Remaining => _call?.Remaining ?? _timeout - _clock!.GetElapsedTime(_startedAt);

    /// <summary>What came with the request.</summary>
    public Metadata Metadata => _call?.RequestHeaders ?? _metadata!;

    /// <summary>Fires when nobody waits for the answer any more.</summary>
    public CancellationToken CancellationToken => _call?.CancellationToken ?? _cancellationToken;
}
