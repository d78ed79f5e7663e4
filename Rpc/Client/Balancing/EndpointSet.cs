using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;
using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>The addresses of a channel: who they are, which can be reached, and which one a call goes to.</summary>
internal sealed class EndpointSet : IDisposable
{
    private static readonly TimeSpan s_resolverPause = TimeSpan.FromSeconds(1);

    private readonly RpcChannel _channel;
    private readonly Balancer _balancer;
    private readonly Resolver? _resolver;
    private readonly CancellationTokenSource _closed = new();
    // Guards updates of the set against each other and against closing.
    private readonly Lock _updating = new();
    private Dictionary<string, Endpoint> _endpoints = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isResolved;

    public EndpointSet(RpcChannel channel)
    {
        _channel = channel;
        _balancer = CreateBalancer(channel);
        if (channel.Options.Resolver is null && channel.Options.Addresses is not [{ Scheme: "dns+http" or "dns+https" }])
        {
            Update([.. channel.Options.Addresses.Select(address => new ResolvedAddress(address))]);
            return;
        }
        _resolver = channel.Options.Resolver ?? new DnsResolver(WithoutDns(channel.Options.Addresses[0]), channel.Clock);
        // The loop outlives the call that made the channel, so it inherits nothing from it.
        using (ExecutionContext.SuppressFlow()) _ = FollowAsync(_resolver);
    }

    /// <summary>Whether answers are asked for the load of their server: only a choice between servers has a use for it.</summary>
    public bool AsksForCpuUsage => _channel.Options.Balancing == BalancingPolicy.Ewma && Volatile.Read(ref _endpoints).Count > 1;

    /// <summary>The node for one attempt, counted as in flight; null when none can be reached now.</summary>
    public BalancerNode? TryPick(ReadOnlySpan<BalancerNode> tried, long now) => _balancer.Pick(tried, now);

    /// <summary>Waits for an address as long as that is worth it: while one is looked up or being connected, or the call wants to wait.</summary>
    public async Task<(BalancerNode? Node, CallOutcome? Refusal)> WaitAndPickAsync(ClientCall call)
    {
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            // Again, now that a change cannot be missed any more.
            if (_balancer.Pick() is { } node) return (node, null);
            if (_isResolved && !call.Options.IsWaitForReady && !IsAnyNear())
                return (null, CallOutcome.Local(call, StatusCode.Unavailable, Reasons.NoEndpoint, $"No address of {call.Method.ServiceName} can be reached."));
            await changed.WaitAsync(call.Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (call.Stopped is { } stopped) return (null, stopped);
        }
    }

    /// <summary>
    /// An attempt has ended, or its stream has begun to arrive: a stream is as slow as its first answer, not as long as it lasts. Once for
    /// each attempt; what comes later changes nothing but the state of the connection.
    /// </summary>
    public void Complete(ClientCall call, CallOutcome outcome)
    {
        var node = call.Node!;
        var endpoint = (Endpoint)node.State!;
        if (outcome.Reach is Reach.NoConnection or Reach.BrokenConnection or Reach.NothingSent)
        {
            endpoint.OnBroken(outcome.Reach);
            _resolver?.Refresh();
        }
        else if (call.IsAnswered)
        {
            endpoint.OnAnswer();
        }
        if (!call.TryTakePick()) return;
        _balancer.Complete(node, call.AttemptStartedAt, StatusOutcomes.OfGrpc((int)outcome.Status.StatusCode), call.Head.CpuUsage);
        if (!endpoint.IsListed && node.InFlight == 0) endpoint.Dispose();
    }

    public void OnStateChange() =>
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    public IReadOnlyList<EndpointSnapshot> Snapshot()
    {
        var endpoints = Volatile.Read(ref _endpoints);
        return [.. _balancer.Snapshot().Select(node => new EndpointSnapshot(
            node.Key, endpoints.TryGetValue(node.Key, out var endpoint) ? endpoint.State : EndpointState.Waiting,
            node.Score, node.InFlight, node.Success, node.Lag, node.Picks, node.Failures))];
    }

    public void Dispose()
    {
        _closed.Cancel();
        lock (_updating)
        {
            foreach (var endpoint in _endpoints.Values) endpoint.Dispose();
        }
    }

    // A resolver that fails is begun anew after a while, with the list that is known; whoever wrote it sees the count.
    private async Task FollowAsync(Resolver resolver)
    {
        while (!_closed.IsCancellationRequested)
        {
            try
            {
                await foreach (var addresses in resolver.WatchAsync(_closed.Token)) Update(addresses);
            }
            catch (Exception exception)
            {
                // The edge of a loop in the background: whatever fails here may not end the process, nor the following.
                if (exception is OperationCanceledException && _closed.IsCancellationRequested) return;
                _channel.Telemetry.CountResolverFailure();
            }
            await Task.Delay(s_resolverPause, _channel.Clock, _closed.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Update(IReadOnlyList<ResolvedAddress> addresses)
    {
        var chosen = Subset.Choose(_channel.Options.ClientId, addresses, address => address.Key, _channel.Options.SubsetSize);
        lock (_updating)
        {
            if (_closed.IsCancellationRequested) return;
            var before = _endpoints;
            var after = chosen.DistinctBy(address => address.Key).ToDictionary(address => address.Key,
                address => before.TryGetValue(address.Key, out var known) ? known.WithWeight(address.Weight) : new Endpoint(address, _channel));
            _balancer.Update([.. after.Values.Select(endpoint => endpoint.Node)]);
            Volatile.Write(ref _endpoints, after);
            foreach (var endpoint in before.Values.Except(after.Values)) endpoint.Leave();
        }
        _isResolved = true;
        OnStateChange();
    }

    // Ready counts too: what came back between the pick and here tells of its change in a moment.
    private bool IsAnyNear() => Volatile.Read(ref _endpoints).Values.Any(endpoint => endpoint.State != EndpointState.Waiting);

    private static Uri WithoutDns(Uri address) => new(address.OriginalString["dns+".Length..]);

    private static Balancer CreateBalancer(RpcChannel channel) => channel.Options.Balancing switch
    {
        BalancingPolicy.PickFirst => new PickFirst(channel.Options.Balancer, channel.Clock),
        BalancingPolicy.WeightedRoundRobin => new SmoothWeightedRoundRobin(channel.Options.Balancer, channel.Clock, channel.Chance),
        BalancingPolicy.LeastInFlight => new LeastInFlight(channel.Options.Balancer, channel.Clock, channel.Chance),
        _ => new EwmaBalancer(channel.Options.Balancer, channel.Clock, channel.Chance),
    };
}
