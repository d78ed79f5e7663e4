using System.Globalization;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>HSCAN, SSCAN and ZSCAN of collections of many sizes, on our server and on a real one: COUNT bounds a step, and every member comes.</summary>
public sealed class MemberScanTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(200)]
    [InlineData(1000)]
    [InlineData(1030)]
    [InlineData(5000)]
    public async Task A_step_brings_about_as_many_members_as_were_asked_for_on_both_servers(int members)
    {
        await using var ours = await KvHost.StartAsync();
        await using var redis = await RedisServer.StartAsync();
        foreach (var port in new[] { ours.Port, redis.Port })
        {
            using var client = await RespConnection.OpenAsync(port, Cancel);
            // Long enough that neither server packs them together.
            string[] names = [.. Enumerable.Range(0, members).Select(i => FormattableString.Invariant($"{i}:{new string('m', 70)}"))];
            await client.AskAsync(["HSET", "h", .. names.SelectMany(name => new[] { name, "v" })], Cancel);
            await client.AskAsync(["SADD", "s", .. names], Cancel);
            await client.AskAsync(["ZADD", "z", .. names.SelectMany(name => new[] { "1", name })], Cancel);
            foreach (var (command, key) in new[] { ("HSCAN", "h"), ("SSCAN", "s"), ("ZSCAN", "z") })
                foreach (var count in new[] { 10, 100 })
                    await WalkAsync(client, command, key, count, names);
        }
        ours.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_walk_that_began_in_a_small_collection_meets_all_its_members_though_it_becomes_large()
    {
        await using var ours = await KvHost.StartAsync();
        using var client = await RespConnection.OpenAsync(ours.Port, Cancel);
        string[] first = [.. Enumerable.Range(0, 900).Select(i => FormattableString.Invariant($"first{i}"))];
        string[] more = [.. Enumerable.Range(0, 3000).Select(i => FormattableString.Invariant($"more{i}"))];
        await client.AskAsync(["SADD", "s", .. first], Cancel);
        var (cursor, seen) = await StepAsync(client, "SSCAN", "s", "0", 100);
        var met = seen.ToHashSet();
        await client.AskAsync(["SADD", "s", .. more], Cancel);
        while (cursor != "0")
        {
            (cursor, seen) = await StepAsync(client, "SSCAN", "s", cursor, 100);
            met.UnionWith(seen);
        }
        Assert.Empty(first.Except(met));
    }

    private static async Task WalkAsync(RespConnection client, string command, string key, int count, string[] names)
    {
        var met = new HashSet<string>();
        var cursor = "0";
        do
        {
            (cursor, var seen) = await StepAsync(client, command, key, cursor, count);
            Assert.True(seen.Count <= count * 3 + 20, $"{command} COUNT {count} brought {seen.Count} members");
            met.UnionWith(seen);
        } while (cursor != "0");
        Assert.True(names.All(met.Contains), $"{command} COUNT {count}: {met.Count} of {names.Length}");
    }

    private static async Task<(string Cursor, IReadOnlyList<string> Members)> StepAsync(RespConnection client, string command, string key, string cursor, int count)
    {
        var reply = await client.AskAsync([command, key, cursor, "COUNT", count.ToString(CultureInfo.InvariantCulture)], Cancel);
        // *2, the cursor's length, the cursor, how many follow, then length and text of each.
        var lines = reply.Split('⏎');
        string[] texts = [.. lines.Skip(4).Where((_, at) => at % 2 == 1)];
        return (lines[2], command == "SSCAN" ? texts : [.. texts.Where((_, at) => at % 2 == 0)]);
    }
}
