using System.Diagnostics;
using System.Globalization;
using FeedMall.Testing;
using StackExchange.Redis;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Clients that others wrote.</summary>
public sealed class ClientTests : IAsyncLifetime
{
    private KvHost _host = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _host = await KvHost.StartAsync();

    public async ValueTask DisposeAsync()
    {
        _host.Logs.AssertNoErrors();
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task Redis_cli_works()
    {
        Assert.Equal("OK", await RunAsync("redis-cli", "set", "greeting", "hello world"));
        Assert.Equal("hello world", await RunAsync("redis-cli", "get", "greeting"));
        Assert.Equal("hello world", await RunAsync("redis-cli", "-3", "get", "greeting"));
        Assert.Equal("greeting", await RunAsync("redis-cli", "--scan"));
        Assert.Equal("1", await RunAsync("redis-cli", "-n", "3", "incr", "n"));
        Assert.Contains("biggest string", await RunAsync("redis-cli", "--bigkeys"), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("redis_version:7.0.15", await RunAsync("redis-cli", "info"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("16")]
    public async Task Redis_benchmark_runs_without_an_error(string pipeline)
    {
        var output = await RunAsync("redis-benchmark", "-t", "ping_inline,ping_mbulk,set,get,incr,mset", "-n", "2000", "-c", "20", "-P", pipeline, "-q");
        Assert.Equal(6, output.Split("requests per second").Length - 1);
        Assert.DoesNotContain("err", output, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task StackExchange_Redis_connects_and_uses_the_store()
    {
        using var redis = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{_host.Port}");
        var database = redis.GetDatabase();
        Assert.True(await database.StringSetAsync("a", "1", TimeSpan.FromSeconds(100)));
        Assert.Equal("1", (string?)await database.StringGetAsync("a"));
        Assert.InRange((await database.KeyTimeToLiveAsync("a"))!.Value.TotalSeconds, 90, 100);
        Assert.Equal(6, await database.StringIncrementAsync("a", 5));
        Assert.False(await database.StringSetAsync("a", "2", TimeSpan.FromSeconds(1), When.NotExists));
        Assert.Equal(2, (await database.StringGetAsync(["a", "missing"])).Length);
        Assert.True(await database.KeyDeleteAsync("a"));
        Assert.True((await database.StringGetAsync("a")).IsNull);
    }

    [Fact]
    public async Task A_hundred_users_each_read_what_they_wrote()
    {
        using var redis = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{_host.Port}");
        var database = redis.GetDatabase();
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async user =>
        {
            for (var i = 0; i < 100; i++)
            {
                await database.StringSetAsync($"user:{user}", $"{user}:{i}");
                Assert.Equal($"{user}:{i}", (string?)await database.StringGetAsync($"user:{user}"));
            }
        }));
    }

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, ["-p", _host.Port.ToString(CultureInfo.InvariantCulture), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        var output = await process.StandardOutput.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.True(process.ExitCode == 0, output + await errors);
        return output.Trim();
    }
}
