using System.Net;
using System.Net.Sockets;
using FeedMall.Rpc.Client;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>How a host name becomes addresses, and how often it is asked for.</summary>
public sealed class DnsResolverTests
{
    private readonly TestClock _clock = new();
    private readonly List<string> _asked = [];
    private readonly Queue<string?> _answers = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_addresses_have_the_port_of_the_name_and_an_order_and_no_doubles()
    {
        await using var lists = Watch("10.0.0.2 10.0.0.1 10.0.0.2");
        Assert.Equal(["http://10.0.0.1:8081", "http://10.0.0.2:8081"], await NextAsync(lists));
        Assert.Equal(["feed.test"], _asked);
        Assert.Equal("feed.test", lists.Current[0].Address.Host);
    }

    [Fact]
    public async Task It_is_asked_again_after_30_seconds_and_a_change_is_told()
    {
        await using var lists = Watch("10.0.0.1", "10.0.0.1", "10.0.0.1 10.0.0.2");
        await NextAsync(lists);
        var next = NextAsync(lists);
        await PassAsync(1);
        await PassAsync(30);
        await _clock.WaitForTimerAsync(TimeSpan.FromSeconds(1)).WaitAsync(Token);
        Assert.Equal(2, _asked.Count);
        Assert.False(next.IsCompleted);
        await PassAsync(1);
        await PassAsync(30);
        Assert.Equal(["http://10.0.0.1:8081", "http://10.0.0.2:8081"], await next);
    }

    [Fact]
    public async Task A_failure_keeps_the_old_list()
    {
        await using var lists = Watch("10.0.0.1", null, "", "10.0.0.2");
        await NextAsync(lists);
        var next = NextAsync(lists);
        for (var i = 0; i < 2; i++)
        {
            await PassAsync(1);
            await PassAsync(30);
            await _clock.WaitForTimerAsync(TimeSpan.FromSeconds(1)).WaitAsync(Token);
            Assert.False(next.IsCompleted);
        }
        await PassAsync(1);
        await PassAsync(30);
        Assert.Equal(["http://10.0.0.2:8081"], await next);
        Assert.Equal(4, _asked.Count);
    }

    [Fact]
    public async Task Until_the_first_answer_it_is_asked_for_every_second()
    {
        await using var lists = Watch(null, null, null, "10.0.0.1");
        var next = NextAsync(lists);
        for (var i = 1; i <= 3; i++)
        {
            await _clock.WaitForTimerAsync(TimeSpan.FromSeconds(1)).WaitAsync(Token);
            Assert.Equal(i, _asked.Count);
            await PassAsync(1);
        }
        Assert.Equal(["http://10.0.0.1:8081"], await next);
    }

    [Fact]
    public async Task Broken_connections_have_it_asked_again_but_not_more_often_than_every_second()
    {
        var resolver = Create("10.0.0.1", "10.0.0.1", "10.0.0.2");
        await using var lists = resolver.WatchAsync(Token).GetAsyncEnumerator(Token);
        await NextAsync(lists);
        var next = NextAsync(lists);
        for (var i = 0; i < 100; i++) resolver.Refresh();
        _clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Single(_asked);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await _clock.WaitForTimerAsync(TimeSpan.FromSeconds(1)).WaitAsync(Token);
        Assert.Equal(2, _asked.Count);
        // The 100 wishes were one.
        await PassAsync(1);
        await _clock.WaitForTimerAsync(TimeSpan.FromSeconds(30)).WaitAsync(Token);
        Assert.Equal(2, _asked.Count);
        resolver.Refresh();
        Assert.Equal(["http://10.0.0.2:8081"], await next);
    }

    [Fact]
    public async Task A_dns_address_calls_what_its_host_name_stands_for()
    {
        await using var host = await EchoHost.StartAsync();
        await using var clients = EchoHost.CreateClients(host.Address, options =>
            options.Addresses = [new Uri($"dns+http://127.0.0.1:{host.Address.Port}")]);
        var client = clients.GetRequiredService<Echo.EchoClient>();
        Assert.Equal("a", (await client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token)).Text);
        Assert.Equal([$"http://127.0.0.1:{host.Address.Port}"], clients.GetRequiredService<RpcChannels>().All.Single().Snapshot().Select(one => one.Address));
    }

    // Each answer is addresses with spaces between, or null for a failure.
    private DnsResolver Create(params string?[] answers)
    {
        foreach (var answer in answers) _answers.Enqueue(answer);
        return new DnsResolver(new Uri("http://feed.test:8081"), _clock, (name, _) =>
        {
            _asked.Add(name);
            return _answers.Dequeue() is { } answer
                ? Task.FromResult(answer.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPAddress.Parse).ToArray())
                : throw new SocketException((int)SocketError.HostNotFound);
        });
    }

    private IAsyncEnumerator<IReadOnlyList<ResolvedAddress>> Watch(params string?[] answers) => Create(answers).WatchAsync(Token).GetAsyncEnumerator(Token);

    // The resolver sleeps exactly this long; then it goes on.
    private async Task PassAsync(double seconds)
    {
        await _clock.WaitForTimerAsync(TimeSpan.FromSeconds(seconds)).WaitAsync(Token);
        _clock.Advance(TimeSpan.FromSeconds(seconds));
    }

    private static async Task<List<string>> NextAsync(IAsyncEnumerator<IReadOnlyList<ResolvedAddress>> lists)
    {
        Assert.True(await lists.MoveNextAsync());
        return [.. lists.Current.Select(address => address.Key)];
    }
}
