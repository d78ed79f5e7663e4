using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;

namespace FeedMall.Testing.Balancing;

/// <summary>
/// Runs a scenario against the real balancers in virtual time: one thread goes from event to event. Arrivals, work and the balancers' chance come from
/// generators of their own with fixed seeds, so a run repeats exactly, and all policies see the same arrivals.
/// </summary>
public sealed class BalancingSimulation
{
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly List<SimulatedCall> _calls = [];
    private readonly VirtualClock _clock = new();
    private readonly BalancingScenario _scenario;
    private readonly SimulatedCluster _cluster;
    private readonly Random _arrivals;
    private readonly Random _work;
    private readonly Random _network;
    private long _order;

    private BalancingSimulation(BalancingScenario scenario, Func<BalancerOptions, TimeProvider, IChance, Balancer> policy, int seed)
    {
        _scenario = scenario;
        _arrivals = new Random(seed);
        _work = new Random(seed + 1);
        _network = new Random(seed + 2);
        _cluster = new SimulatedCluster(scenario, client => policy(new BalancerOptions(), _clock, new TestChance { Seed = seed + 3 + client }));
    }

    /// <summary>Runs to the end of the scenario, and on until the last request is answered.</summary>
    public static SimulationResult Run(BalancingScenario scenario, Func<BalancerOptions, TimeProvider, IChance, Balancer> policy, int seed = 1)
    {
        var simulation = new BalancingSimulation(scenario, policy, seed);
        foreach (var (at, change) in scenario.Changes) simulation.After(at * 1000, () => simulation.Change(change));
        simulation.ScheduleArrival();
        while (simulation._events.TryDequeue(out var act, out var when))
        {
            simulation._clock.GoTo(when.At);
            act();
        }
        return new SimulationResult(simulation._calls);
    }

    private void ScheduleArrival()
    {
        var wait = BalancingScenario.Exponential(1 / _scenario.RatePerSecond(_clock.Seconds), _arrivals);
        if (_clock.Seconds + wait < _scenario.Seconds) After(1000 * wait, Arrive);
    }

    private void Arrive()
    {
        ScheduleArrival();
        var client = _arrivals.Next(_scenario.Clients);
        var node = _cluster.Clients[client].Pick();
        if (node is null)
        {
            _calls.Add(new SimulatedCall(_clock.Seconds, -1, 0, false));
            return;
        }
        var request = new SimulatedRequest(client, node, _clock.GetTimestamp());
        OverTheNetwork(() => Reach((SimulatedServer)node.State!, request));
    }

    private void Reach(SimulatedServer server, SimulatedRequest request)
    {
        // It was on its way when the server died.
        if (!request.Node.IsAvailable) OverTheNetwork(() => Answer(request, succeeded: false));
        else
        {
            var work = _scenario.Work(server.Number, _clock.Seconds, _work);
            if (server.Accept(request, work)) Start(server, request, work);
        }
    }

    private void Start(SimulatedServer server, SimulatedRequest request, Work work) => After(work.Milliseconds, () =>
    {
        if (!server.Finish(request, work.NeedsWorker, out var next)) return;
        if (next is var (waiting, waitingWork)) Start(server, waiting, waitingWork);
        OverTheNetwork(() => Answer(request, work.Succeeds));
    });

    private void Answer(SimulatedRequest request, bool succeeded)
    {
        _cluster.Clients[request.Client].Complete(request.Node, request.StartedAt, succeeded ? Outcome.Success : Outcome.Failure);
        var milliseconds = _clock.GetElapsedTime(request.StartedAt, _clock.GetTimestamp()).TotalMilliseconds;
        var server = ((SimulatedServer)request.Node.State!).Number;
        _calls.Add(new SimulatedCall((double)request.StartedAt / VirtualClock.PerSecond, server, milliseconds, succeeded));
    }

    private void Change(Action<SimulatedCluster> change)
    {
        change(_cluster);
        foreach (var request in _cluster.Lost) Answer(request, succeeded: false);
        _cluster.Lost.Clear();
    }

    private void OverTheNetwork(Action act)
    {
        if (_scenario.NetworkMilliseconds == 0) act();
        else After(_network.NextDouble() * _scenario.NetworkMilliseconds, act);
    }

    private void After(double milliseconds, Action act) =>
        _events.Enqueue(act, (_clock.GetTimestamp() + (long)(milliseconds * VirtualClock.PerSecond / 1000), _order++));
}
