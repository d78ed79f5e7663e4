using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FeedMall.IntegrationTests.Interop;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Programs that are not ours: Node's ioredis (test.sh installs it with "npm ci"), whose answers must be the same from both servers, and redis-benchmark.</summary>
public sealed class ForeignProgramTests(BlackBoxTests.Servers servers) : IClassFixture<BlackBoxTests.Servers>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Ioredis_gets_from_ours_what_it_gets_from_Redis()
    {
        var (ours, redis) = (await RunNodeAsync(servers.Ours.Port), await RunNodeAsync(servers.Redis.Port));
        Assert.Equal(redis, ours);
        Assert.Equal(14, ours.Count);
        var values = ours.Select(line => JsonDocument.Parse(line).RootElement).ToDictionary(each => each.GetProperty("name").GetString()!, each => each.GetProperty("value").GetRawText());
        Assert.Equal("[\"OK\",\"1\",true,42]", values["set"]);
        Assert.Equal("null", values["watch"]);
        Assert.Equal("5000", values["scan"]);
        Assert.Equal("[[\"news\",\"first\"],[\"n*\",\"news\",\"first\"],[\"news\",\"last\"],[\"n*\",\"news\",\"last\"]]", values["heard"]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    public async Task Redis_benchmark_runs_its_default_tests_without_an_error(int pipeline)
    {
        string[] tests = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP", "SADD", "HSET", "SPOP", "ZADD", "ZPOPMIN", "LRANGE_100", "LRANGE_300", "LRANGE_500", "LRANGE_600", "MSET"];
        var port = servers.Ours.Port.ToString(CultureInfo.InvariantCulture);
        var (output, errors, code) = await RunAsync("redis-benchmark",
            "-p", port, "-n", "2000", "-c", "20", "-P", pipeline.ToString(CultureInfo.InvariantCulture), "--csv", "-t", string.Join(',', tests).ToLowerInvariant());
        Assert.Equal((0, ""), (code, errors));
        Assert.DoesNotContain("rror", output, StringComparison.Ordinal);
        var ran = output.Split('\n').Skip(1).Where(line => line.Length > 0).Select(line => line.Split('"')[1]).ToList();
        Assert.All(tests, test => Assert.Contains(ran, line => line.StartsWith(test, StringComparison.Ordinal)));
        Assert.All(output.Split('\n').Skip(1).Where(line => line.Length > 0), line => Assert.True(double.Parse(line.Split('"')[3], CultureInfo.InvariantCulture) > 0, line));
    }

    private static async Task<List<string>> RunNodeAsync(int port)
    {
        var program = Path.Combine(ForeignPrograms.Repository, "tests/FeedMall.IntegrationTests/node/kv-client.js");
        var (output, errors, code) = await RunAsync("node", program, port.ToString(CultureInfo.InvariantCulture));
        Assert.Equal((0, ""), (code, errors));
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static async Task<(string Output, string Errors, int Code)> RunAsync(string program, params string[] arguments)
    {
        using var timeUp = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeUp.CancelAfter(s_patience);
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(timeUp.Token), process.StandardError.ReadToEndAsync(timeUp.Token));
            await process.WaitForExitAsync(timeUp.Token);
            return (await output, await errors, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
