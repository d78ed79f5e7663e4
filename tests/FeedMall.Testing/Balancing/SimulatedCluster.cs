using FeedMall.Resilience.Balancing;

namespace FeedMall.Testing.Balancing;

/// <summary>The servers of a run and the clients' views of them.</summary>
public sealed class SimulatedCluster
{
    private readonly BalancingScenario _scenario;
    private readonly List<SimulatedServer> _servers = [];
    private readonly List<Balancer> _clients = [];
    private readonly List<List<BalancerNode>> _nodes = [];

    internal SimulatedCluster(BalancingScenario scenario, Func<int, Balancer> balancer)
    {
        _scenario = scenario;
        for (var client = 0; client < scenario.Clients; client++)
        {
            _clients.Add(balancer(client));
            _nodes.Add([]);
        }
        Join(scenario.Servers);
    }

    internal IReadOnlyList<Balancer> Clients => _clients;

    internal IReadOnlyList<SimulatedServer> Servers => _servers;

    internal List<SimulatedRequest> Lost { get; } = [];

    /// <summary>New servers join, and all clients know it at once.</summary>
    public void Join(int count)
    {
        for (var added = 0; added < count; added++)
        {
            var server = new SimulatedServer(_servers.Count, _scenario.Workers);
            _servers.Add(server);
            foreach (var nodes in _nodes) nodes.Add(new BalancerNode($"server-{server.Number}", 1, server));
        }
        foreach (var (client, nodes) in _clients.Zip(_nodes)) client.Update(nodes);
    }

    /// <summary>A server dies: all that is there is lost, and the broken connections take it out of every client's pick.</summary>
    public void Crash(int server)
    {
        foreach (var nodes in _nodes) nodes[server].IsAvailable = false;
        Lost.AddRange(_servers[server].Crash());
    }

    /// <summary>A server that died is there again.</summary>
    public void Return(int server)
    {
        foreach (var nodes in _nodes) nodes[server].IsAvailable = true;
    }
}

/// <summary>A request under way.</summary>
internal sealed record SimulatedRequest(int Client, BalancerNode Node, long StartedAt)
{
    // Two requests are never the same one.
    public bool Equals(SimulatedRequest? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}
