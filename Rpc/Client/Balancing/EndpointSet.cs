using System.Runtime.InteropServices;
using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;
using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// Addresses of a channel: who they are, which can be reached, and which one a call goes to. A call of a colour goes to an address of that colour if one can be
/// reached; else, like all others, to one without colour (spec §12).
/// </summary>
internal sealed class EndpointSet : IDisposable
{
    private static readonly TimeSpan s_resolverPause = TimeSpan.FromSeconds(1);

    private readonly RpcChannel _channel;
    // Of the addresses without a colour.
    private readonly Balancer _balancer;
    private readonly Resolver? _resolver;
    private readonly CancellationTokenSource _closed = new();
    // Guards updates of the set against each other and against closing.
    private readonly Lock _updating = new();
    private Dictionary<string, Endpoint> _endpoints = [];
    private Dictionary<string, Balancer> _colours = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isResolved;

    public EndpointSet(RpcChannel channel, IReadOnlyList<Uri> addresses, Resolver? resolver)
    {
        _channel = channel;
        _balancer = CreateBalancer(channel);
        if (resolver is null && addresses is not [{ Scheme: "dns+http" or "dns+https" }])
        {
            Update([.. addresses.Select(address => new ResolvedAddress(address))]);
            return;
        }
        _resolver = resolver ?? new DnsResolver(WithoutDns(addresses[0]), channel.Clock);
        // The loop outlives the call that made the channel, so it inherits nothing from it.
        using (ExecutionContext.SuppressFlow()) _ = FollowAsync(_resolver);
    }

    /// <summary>Whether answers are asked for the load of their server: only a choice between servers has a use for it.</summary>
    public bool AsksForCpuUsage => _channel.Options.Balancing == BalancingPolicy.Ewma && Volatile.Read(ref _endpoints).Count > 1;

    /// <summary>The node for one attempt, counted as in flight; null when none can be reached now.</summary>
    public BalancerNode? TryPick(ClientCall call, long now)
    {
        var tried = CollectionsMarshal.AsSpan(call.Tried);
        return (ColourOf(call) is { } colour && Volatile.Read(ref _colours).TryGetValue(colour, out var coloured) ? coloured.Pick(tried, now) : null) ?? _balancer.Pick(tried, now);
    }

    /// <summary>Waits for an address as long as that is worth it: while one is looked up or being connected, or the call wants to wait.</summary>
    public async Task<(BalancerNode? Node, CallOutcome? Refusal)> WaitAndPickAsync(ClientCall call)
    {
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            // Again, now that a change cannot be missed any more.
            if (TryPick(call, _channel.Clock.GetTimestamp()) is { } node) return (node, null);
            if (_isResolved && !call.Options.IsWaitForReady && !IsAnyNear(ColourOf(call)))
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
        endpoint.Balancer.Complete(node, call.AttemptStartedAt, StatusOutcomes.OfGrpc((int)outcome.Status.StatusCode), call.Head.CpuUsage);
        if (!endpoint.IsListed && node.InFlight == 0) endpoint.Dispose();
    }

    public void OnStateChange() =>
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    public IReadOnlyList<EndpointSnapshot> Snapshot()
    {
        var endpoints = Volatile.Read(ref _endpoints);
        return [.. Volatile.Read(ref _colours).Values.Prepend(_balancer).SelectMany(balancer => balancer.Snapshot()).Select(node => new EndpointSnapshot(
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
            var colours = chosen.Select(address => address.Colour).Where(colour => colour.Length > 0).Distinct()
                .ToDictionary(colour => colour, colour => _colours.GetValueOrDefault(colour) ?? CreateBalancer(_channel), StringComparer.Ordinal);
            var after = chosen.DistinctBy(address => address.Key).ToDictionary(address => address.Key,
                address => before.TryGetValue(address.Key, out var known) ? known.WithWeight(address.Weight)
                    : new Endpoint(address, _channel, this, colours.GetValueOrDefault(address.Colour, _balancer)));
            foreach (var balancer in colours.Values.Prepend(_balancer))
                balancer.Update([.. after.Values.Where(endpoint => endpoint.Balancer == balancer).Select(endpoint => endpoint.Node)]);
            Volatile.Write(ref _endpoints, after);
            Volatile.Write(ref _colours, colours);
            foreach (var endpoint in before.Values.Except(after.Values)) endpoint.Leave();
        }
        _isResolved = true;
        OnStateChange();
    }

    // Ready counts too: what came back between the pick and here tells of its change in a moment.
    private bool IsAnyNear(string? colour) =>
        Volatile.Read(ref _endpoints).Values.Any(endpoint => endpoint.State != EndpointState.Waiting && (endpoint.Colour.Length == 0 || endpoint.Colour == colour));

    // Null as long as no address has one: most services know no colours, and their calls need not be asked.
    private string? ColourOf(ClientCall call) => Volatile.Read(ref _colours).Count > 0 ? call.Headers?.GetValue(MetadataKeys.Colour) : null;

    private static Uri WithoutDns(Uri address) => new(address.OriginalString["dns+".Length..]);

    private static Balancer CreateBalancer(RpcChannel channel) => channel.Options.Balancing switch
    {
        BalancingPolicy.PickFirst => new PickFirst(channel.Options.Balancer, channel.Clock),
        BalancingPolicy.WeightedRoundRobin => new SmoothWeightedRoundRobin(channel.Options.Balancer, channel.Clock, channel.Chance),
        BalancingPolicy.LeastInFlight => new LeastInFlight(channel.Options.Balancer, channel.Clock, channel.Chance),
        _ => new EwmaBalancer(channel.Options.Balancer, channel.Clock, channel.Chance),
    };
}
