using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>What several connections do to each other; against our server and a real redis-server alike.</summary>
public sealed class ConversationTests(BlackBoxTests.Servers servers) : IClassFixture<BlackBoxTests.Servers>
{
    /// <summary>Ours, and Redis.</summary>
    public static TheoryData<bool> Both => [true, false];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Both))]
    public async Task EXEC_refuses_when_another_connection_has_changed_a_watched_key(bool ours)
    {
        using var both = await OpenAsync(ours);
        var (one, other) = both;
        string[][] changes = [["SET", "k", "1"], ["DEL", "k"], ["HSET", "k", "f", "v"], ["EXPIRE", "k", "100"], ["RENAME", "k", "k2"], ["COPY", "k2", "k"], ["FLUSHDB"], ["LPUSH", "k", "a"], ["LPOP", "k"], ["MSET", "j", "1", "k", "2"], ["GETDEL", "k"]];
        foreach (var change in changes)
        {
            await one.ExpectAsync("WATCH k", "+OK");
            await other.AskAsync(change, Cancel);
            await one.ExpectAsync("MULTI", "+OK");
            await one.ExpectAsync("GET x", "+QUEUED");
            await one.ExpectAsync("EXEC", "*-1");
        }
        await one.ExpectAsync("WATCH k", "+OK");
        await other.ExpectAsync("SET unrelated 1", "+OK");
        await one.ExpectAsync("MULTI", "+OK");
        await one.ExpectAsync("GET x", "+QUEUED");
        await one.ExpectAsync("EXEC", "*1⏎$-1");
    }

    [Theory, MemberData(nameof(Both))]
    public async Task EXEC_refuses_when_a_watched_key_has_expired_or_was_evicted(bool ours)
    {
        using var both = await OpenAsync(ours);
        var (one, other) = both;
        await one.ExpectAsync("SET k 1 PX 1000", "+OK");
        await one.ExpectAsync("WATCH k", "+OK");
        await one.ExpectAsync("MULTI", "+OK");
        await one.ExpectAsync("PING", "+QUEUED");
        await Task.Delay(1100, Cancel);
        await one.ExpectAsync("EXEC", "*-1");

        await one.ExpectAsync("SET k 1", "+OK");
        await one.ExpectAsync("WATCH k", "+OK");
        await other.ExpectAsync("CONFIG SET maxmemory-policy allkeys-random maxmemory 1", "+OK");
        await other.AskAsync(["SET", "other", "1"], Cancel);
        await other.ExpectAsync("CONFIG SET maxmemory 0 maxmemory-policy noeviction", "+OK");
        await other.ExpectAsync("EXISTS k", ":0");
        await one.ExpectAsync("MULTI", "+OK");
        await one.ExpectAsync("PING", "+QUEUED");
        await one.ExpectAsync("EXEC", "*-1");
    }

    [Theory, MemberData(nameof(Both))]
    public async Task Nobody_sees_half_of_a_transaction(bool ours)
    {
        using var both = await OpenAsync(ours);
        var (one, other) = both;
        await one.ExpectAsync("MSET a 0 b 0", "+OK");
        var writing = Task.Run(async () =>
        {
            for (var i = 1; i <= 300; i++)
            {
                await one.SendRawAsync(string.Concat(new[] { "MULTI", "INCR a", "INCR b", "EXEC" }.Select(command => RespConnection.Encode(command.Split(' ')))), Cancel);
                for (var reply = 0; reply < 4; reply++) await one.ReadAsync(Cancel);
            }
        }, Cancel);
        while (!writing.IsCompleted)
        {
            var values = (await other.AskAsync(["MGET", "a", "b"], Cancel)).Split('⏎');
            Assert.Equal(values[2], values[4]);
        }
        await writing;
        await other.ExpectAsync("MGET a b", "*2⏎$3⏎300⏎$3⏎300");
    }

    [Theory, MemberData(nameof(Both))]
    public async Task Messages_reach_all_who_listen_in_the_order_in_which_they_were_published(bool ours)
    {
        using var both = await OpenAsync(ours);
        var (publisher, listener) = both;
        using var three = await RespConnection.OpenAsync(Port(ours), Cancel);
        await listener.ExpectAsync("SUBSCRIBE news", "*3⏎$9⏎subscribe⏎$4⏎news⏎:1");
        await listener.ExpectAsync("PSUBSCRIBE n?w*", "*3⏎$10⏎psubscribe⏎$4⏎n?w*⏎:2");
        await three.AskAsync(["HELLO", "3"], Cancel);
        await three.ExpectAsync("SUBSCRIBE news", ">3⏎$9⏎subscribe⏎$4⏎news⏎:1");
        await publisher.ExpectAsync("PUBSUB NUMSUB news", "*2⏎$4⏎news⏎:2");

        const int Count = 2000;
        var all = string.Concat(Enumerable.Range(0, Count).Select(i => RespConnection.Encode(["PUBLISH", "news", $"{i:D4}"])));
        await publisher.SendRawAsync(all, Cancel);
        for (var i = 0; i < Count; i++) Assert.Equal(":3⏎", await publisher.ReadAsync(Cancel));
        for (var i = 0; i < Count; i++)
        {
            Assert.Equal($"*3⏎$7⏎message⏎$4⏎news⏎$4⏎{i:D4}⏎", await listener.ReadAsync(Cancel));
            Assert.Equal($"*4⏎$8⏎pmessage⏎$4⏎n?w*⏎$4⏎news⏎$4⏎{i:D4}⏎", await listener.ReadAsync(Cancel));
            Assert.Equal($">3⏎$7⏎message⏎$4⏎news⏎$4⏎{i:D4}⏎", await three.ReadAsync(Cancel));
        }
        // In RESP3 replies and messages share the connection.
        await three.ExpectAsync("SET a 1", "+OK");
        listener.Dispose();
        await WaitForAsync(publisher, "PUBSUB NUMSUB news", "*2⏎$4⏎news⏎:1⏎");
        await publisher.ExpectAsync("PUBSUB NUMPAT", ":0");
    }

    [Theory, MemberData(nameof(Both))]
    public async Task A_subscriber_that_does_not_read_is_closed_and_disturbs_nobody(bool ours)
    {
        using var both = await OpenAsync(ours);
        var (publisher, slow) = both;
        using var quick = await RespConnection.OpenAsync(Port(ours), Cancel);
        await slow.ExpectAsync("SUBSCRIBE big", "*3⏎$9⏎subscribe⏎$3⏎big⏎:1");
        await quick.ExpectAsync("SUBSCRIBE big", "*3⏎$9⏎subscribe⏎$3⏎big⏎:1");
        var message = new string('x', 256 * 1024);
        // The limit is 32 MiB, and the system's buffers hold a few MiB more.
        for (var i = 0; i < 250; i++)
        {
            var receivers = await publisher.AskAsync(["PUBLISH", "big", message], Cancel);
            Assert.True(receivers is ":2⏎" or ":1⏎", receivers);
            Assert.Equal($"*3⏎$7⏎message⏎$3⏎big⏎${message.Length}⏎{message}⏎", await quick.ReadAsync(Cancel));
        }
        await WaitForAsync(publisher, "PUBSUB NUMSUB big", "*2⏎$3⏎big⏎:1⏎");
        await publisher.ExpectAsync("PUBLISH big end", ":1");
    }

    private int Port(bool ours) => ours ? servers.Ours.Port : servers.Redis.Port;

    private async Task<Two> OpenAsync(bool ours)
    {
        var (one, other) = (await RespConnection.OpenAsync(Port(ours), Cancel), await RespConnection.OpenAsync(Port(ours), Cancel));
        await one.ExpectAsync("FLUSHALL", "+OK");
        return new Two(one, other);
    }

    // A server notices by itself that a client has left: when, is not said.
    private static async Task WaitForAsync(RespConnection connection, string request, string reply)
    {
        for (var tries = 0; tries < 3000; tries++)
        {
            if (await connection.AskAsync(RespStep.Words(request), Cancel) == reply) return;
            await Task.Delay(10, Cancel);
        }
        Assert.Fail($"{request} is not answered with {reply}");
    }

    private sealed record Two(RespConnection One, RespConnection Other) : IDisposable
    {
        public void Dispose()
        {
            One.Dispose();
            Other.Dispose();
        }
    }
}
