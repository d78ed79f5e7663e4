using System.Globalization;
using System.Text;
using FeedMall.Benchmarks.Edge;
using FeedMall.Proto.Feed.V1;
using FeedMall.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Benchmarks.Kv;

/// <summary>Reading a post from Domain.Feed with the cache, without it, and with a cache that is down.</summary>
internal static class KvReads
{
    private const int Posts = 200;
    private const int Callers = 16;

    public static async Task<string> MeasureAsync(KvPlan plan)
    {
        var text = new StringBuilder()
            .AppendLine("## Reading a post with and without the cache").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"`GetPost` of {Posts} posts, straight from Domain.Feed, by {Callers} callers, each sending its next call when the last one is answered; medians of {plan.Rounds} rounds of {plan.Duration.TotalSeconds:0} s")
            .AppendLine("in turns, after one to warm up. Services and callers are one process, PostgreSQL, KvStore and redis-server others.").AppendLine()
            .AppendLine("| database | cache | calls/s | p50 ms | p99 ms | failures |").AppendLine("| --- | --- | ---: | ---: | ---: | ---: |");
        await using var postgres = new PostgresServer();
        await postgres.InitializeAsync();
        await MeasureAsync("SQLite", null, plan, text);
        await MeasureAsync("PostgreSQL", postgres, plan, text);
        return text.ToString();
    }

    private static async Task MeasureAsync(string database, PostgresServer? postgres, KvPlan plan, StringBuilder text)
    {
        await using var servers = await KvServers.StartAsync();
        var down = FreePort.Next();
        (string Name, string[] Settings)[] kinds =
        [
            ("none", ["--Feed:Cache:Enabled=false"]), ("KvStore", At(servers.All[0].Port)), ("redis-server", At(servers.All[1].Port)), ("down", At(down)),
        ];
        var targets = new List<(string Name, Running Running, List<Round> Rounds)>();
        try
        {
            foreach (var (name, settings) in kinds) targets.Add((name, await StartAsync(postgres, settings), []));
            for (var round = 0; round <= plan.Rounds; round++)
            {
                foreach (var (_, running, rounds) in targets)
                {
                    var result = await ClosedLoop.RunAsync(running.GetAsync, Callers, plan.Duration);
                    // The first round connects, fills and warms up.
                    if (round > 0) rounds.Add(result);
                }
            }
            foreach (var (name, _, rounds) in targets)
            {
                double Median(Func<Round, double> figure) => rounds.Select(figure).Order().ElementAt(rounds.Count / 2);
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"| {database} | {name} | {Median(round => round.PerSecond):N0} | {Median(round => round.Median.TotalMilliseconds):0.00} | {Median(round => round.P99.TotalMilliseconds):0.00} | {rounds.Sum(round => round.Failures)} |");
            }
        }
        finally
        {
            foreach (var (_, running, _) in targets) await running.DisposeAsync();
        }
    }

    private static string[] At(int port) => ["--Feed:Cache:Enabled=true", $"--Feed:Cache:Addresses=127.0.0.1:{port}"];

    private static async Task<Running> StartAsync(PostgresServer? postgres, string[] settings)
    {
        var folder = new TemporaryFolder();
        string[] database = postgres is null ? [] :
        [
            $"--Feed:Database={await postgres.CreateDatabaseAsync(CancellationToken.None)}", $"--Mall:Database={await postgres.CreateDatabaseAsync(CancellationToken.None)}",
        ];
        var host = await FeedMallHost.StartAsync(folder.Path, [.. database, .. settings]);
        var ids = await EdgeBenchmark.CreatePostsAsync(host.Http, host.Http.BaseAddress!.ToString().TrimEnd('/'), Posts);
        var clients = EdgeBenchmark.Clients(host.FeedAddress.ToString());
        return new Running(folder, host, clients, clients.GetRequiredService<Proto.Feed.V1.Posts.PostsClient>(), ids);
    }

    private sealed record Running(TemporaryFolder Folder, FeedMallHost Host, ServiceProvider Clients, Proto.Feed.V1.Posts.PostsClient Client, IReadOnlyList<long> Ids) : IAsyncDisposable
    {
        private int _next;

        public async Task GetAsync(CancellationToken cancellationToken) =>
            await Client.GetPostAsync(new GetPostRequest { Id = Ids[(int)((uint)Interlocked.Increment(ref _next) % (uint)Ids.Count)] }, cancellationToken: cancellationToken);

        public async ValueTask DisposeAsync()
        {
            await Clients.DisposeAsync();
            await Host.DisposeAsync();
            Folder.Dispose();
        }
    }
}
