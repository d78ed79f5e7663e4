using FeedMall.Resilience.Balancing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Balancing;

public sealed class SubsetTests
{
    private sealed record Figures(
        int Clients, int Servers, int Count, int Least, int Mean, int Most, int ClientsWithin, double ReplacedWhenOneLeaves, double ReplacedWithin, double ReplacedBySlices);

    private static readonly Figures s_figures = Vectors.Read<Figures>("subset");
    private static readonly string[] s_servers = [.. Enumerable.Range(0, s_figures.Servers).Select(i => $"10.0.0.{i}:8081")];
    private static readonly string[] s_clients = [.. Enumerable.Range(0, s_figures.Clients).Select(i => $"client-{i}")];

    [Fact]
    public void Every_process_chooses_the_same() =>
        // Computed by another program.
        Assert.Equal(["10.0.0.2:8081", "10.0.0.5:8081", "10.0.0.6:8081"], Choose("pod-7", s_servers[..8], 3));

    [Fact]
    public void A_hundred_clients_spread_evenly_over_fifty_servers()
    {
        var perServer = s_clients.SelectMany(client => Choose(client, s_servers, s_figures.Count)).CountBy(server => server).ToDictionary();
        Assert.Equal(s_figures.Servers, perServer.Count);
        Assert.Equal(s_figures.Mean, perServer.Values.Average());
        // The published figures are of another hash.
        Assert.Equal(s_figures.Least, perServer.Values.Min(), (double)s_figures.ClientsWithin);
        Assert.Equal(s_figures.Most, perServer.Values.Max(), (double)s_figures.ClientsWithin);
    }

    [Fact]
    public void When_a_server_leaves_only_its_clients_replace_it_by_one_each()
    {
        var replaced = 0;
        foreach (var gone in s_servers)
        {
            foreach (var client in s_clients)
            {
                var before = Choose(client, s_servers);
                var after = Choose(client, [.. s_servers.Where(server => server != gone)]);
                var added = after.Except(before).Count();
                Assert.Equal(before.Contains(gone) ? 1 : 0, added);
                replaced += added;
            }
        }
        // Published is what one server that leaves costs; over all of them, 20 of 50, it is exactly 0.4.
        var mean = replaced / (double)(s_servers.Length * s_clients.Length);
        Assert.Equal(s_figures.Count / (double)s_figures.Servers, mean, 6);
        Assert.Equal(s_figures.ReplacedWhenOneLeaves, mean, s_figures.ReplacedWithin);
        Assert.True(mean < s_figures.ReplacedBySlices / 10);
    }

    [Fact]
    public void The_order_of_the_list_does_not_matter_for_who_is_chosen_and_is_kept() =>
        Prop.ForAll(Gen.Shuffle(s_servers).Zip(Gen.Choose(1, 60)).ToArbitrary(), input =>
        {
            var (shuffled, count) = input;
            var chosen = Choose("pod-7", shuffled, count);
            return chosen.Count == Math.Min(count, 50)
                && chosen.Order().SequenceEqual(Choose("pod-7", s_servers, count).Order())
                && chosen.SequenceEqual(shuffled.Where(chosen.Contains));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Nodes_are_chosen_by_their_key()
    {
        BalancerNode[] nodes = [.. s_servers.Select(server => new BalancerNode(server))];
        Assert.Equal(Choose("pod-7", s_servers), Subset.Choose("pod-7", nodes).Select(node => node.Key));
        Assert.Equal(20, Subset.Choose("pod-7", nodes).Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => Subset.Choose("pod-7", nodes, 0));
    }

    private static IReadOnlyList<string> Choose(string client, IReadOnlyList<string> servers, int count = Subset.DefaultCount) =>
        Subset.Choose(client, servers, server => server, count);
}
