using System.Collections.Concurrent;
using FeedMall.Resilience.Balancing;
using FeedMall.Resilience.Retry;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>How an address of a service stands.</summary>
public enum EndpointState
{
    /// <summary>Calls go there.</summary>
    Ready,
    /// <summary>A connection is being tried; calls go there again as soon as it stands.</summary>
    Connecting,
    /// <summary>It could not be reached, and is tried again after a while.</summary>
    Waiting,
}

/// <summary>
/// The connections to one address. When one breaks, the address leaves the pick at once; it comes back when a connection can be made,
/// which is tried at once and then after growing waits.
/// </summary>
internal sealed class Endpoint : IDisposable
{
    private readonly ConcurrentDictionary<IMethod, Uri> _uris = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly RpcChannel _channel;
    private readonly EndpointSet _set;
    private readonly ResolvedAddress _address;
    private readonly ConnectionBackoff _backoff;
    // Guards Node and its availability, and _state: a new weight brings a new node, at any time.
    private readonly Lock _gate = new();
    private int _failures;
    private int _isReconnecting;
    private volatile EndpointState _state;

    public Endpoint(ResolvedAddress address, RpcChannel channel, EndpointSet set, Balancer balancer)
    {
        (_address, _channel, _set, Balancer) = (address, channel, set, balancer);
        _backoff = new ConnectionBackoff(channel.Options.Reconnect, channel.Chance);
        Node = new BalancerNode(address.Key, address.Weight, this);
        Http = new HttpMessageInvoker(Transport.CreateHandler(address, channel.Options), disposeHandler: true);
    }

    /// <summary>Chooses between the addresses of its colour.</summary>
    public Balancer Balancer { get; }

    /// <summary>Its colour; empty: none.</summary>
    public string Colour => _address.Colour;

    /// <summary>What stands for it in the balancer now; calls under way may still hold an earlier one.</summary>
    public BalancerNode Node { get; private set; }

    public HttpMessageInvoker Http { get; }

    public EndpointState State => _state;

    /// <summary>False when the address is no longer one of the service's; calls that run there end in peace.</summary>
    public bool IsListed { get; private set; } = true;

    /// <summary>Where a method is called; made once for each method.</summary>
    public Uri UriOf(IMethod method) => _uris.GetOrAdd(method, static (method, address) => new Uri(address, method.FullName), _address.Address);

    /// <summary>The same connections, with this share of the calls.</summary>
    public Endpoint WithWeight(double weight)
    {
        lock (_gate)
        {
            if (weight != Node.Weight) Node = new BalancerNode(_address.Key, weight, this) { IsAvailable = Node.IsAvailable };
        }
        return this;
    }

    /// <summary>A call came back over a connection.</summary>
    public void OnAnswer()
    {
        if (Volatile.Read(ref _failures) != 0) Volatile.Write(ref _failures, 0);
    }

    /// <summary>A call found no connection, or lost it.</summary>
    public void OnBroken(Reach reach)
    {
        if (Interlocked.Exchange(ref _isReconnecting, 1) != 0) return;
        Set(reach == Reach.NoConnection ? EndpointState.Waiting : EndpointState.Connecting);
        // The loop outlives the request that found the break, so it inherits nothing from it.
        using (ExecutionContext.SuppressFlow()) _ = ReconnectAsync();
    }

    /// <summary>The address is gone: no new call goes there, and the last one closes the connections.</summary>
    public void Leave()
    {
        IsListed = false;
        lock (_gate) Node.IsAvailable = false;
        if (Node.InFlight == 0) Dispose();
    }

    public void Dispose()
    {
        _closed.Cancel();
        Http.Dispose();
    }

    private async Task ReconnectAsync()
    {
        try
        {
            while (true)
            {
                if (_state == EndpointState.Waiting)
                {
                    await Task.Delay(_backoff.Next(Math.Min(_failures++, 100)), _channel.Clock, _closed.Token);
                    Set(EndpointState.Connecting);
                    _set.OnStateChange();
                }
                if (await Transport.CanConnectAsync(_address, _channel.Options, _closed.Token)) break;
                Set(EndpointState.Waiting);
                _set.OnStateChange();
            }
            // In this order: a call that finds it broken in between is not heard, but the next one is. The other way round the node could
            // come back into the pick after a call had just taken it out.
            Set(EndpointState.Ready);
            Volatile.Write(ref _isReconnecting, 0);
            _set.OnStateChange();
        }
        catch (OperationCanceledException)
        {
            // The channel or the address is gone.
        }
    }

    private void Set(EndpointState state)
    {
        lock (_gate)
        {
            _state = state;
            Node.IsAvailable = state == EndpointState.Ready && IsListed;
        }
    }
}
