using FeedMall.Resilience.Balancing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Balancing;

public sealed class SubsetTests
{
    private static readonly string[] s_servers = [.. Enumerable.Range(0, 50).Select(i => $"10.0.0.{i}:8081")];
    private static readonly string[] s_clients = [.. Enumerable.Range(0, 100).Select(i => $"client-{i}")];

    [Fact]
    public void Every_process_chooses_the_same() =>
        // Computed by another program.
        Assert.Equal(["10.0.0.2:8081", "10.0.0.5:8081", "10.0.0.6:8081"], Choose("pod-7", s_servers[..8], 3));

    [Fact]
    public void A_hundred_clients_spread_evenly_over_fifty_servers()
    {
        var perServer = s_clients.SelectMany(client => Choose(client, s_servers)).CountBy(server => server).ToDictionary();
        Assert.Equal(50, perServer.Count);
        Assert.Equal(40, perServer.Values.Average());
        Assert.InRange(perServer.Values.Min(), 26, 36);
        Assert.InRange(perServer.Values.Max(), 44, 55);
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
        // 20 of 50 servers: a server that leaves is in the set of 40 of 100 clients. Shuffled slices would replace 8.49 each.
        Assert.Equal(0.4, replaced / (double)(s_servers.Length * s_clients.Length), 6);
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
