using System.Globalization;
using System.Text;
using FeedMall.Benchmarks.Edge;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc.Client;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Benchmarks.Kv;

/// <summary>Reading a post from Domain.Feed and a product from Domain.Mall with the cache, without it, and with a cache that is down.</summary>
internal static class KvReads
{
    private const int Things = 200;
    private const int Callers = 16;

    public static async Task<string> MeasureAsync(KvPlan plan)
    {
        var text = new StringBuilder()
            .AppendLine("## Reading a post and a product with and without the cache").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"`GetPost` of {Things} posts, straight from Domain.Feed, and `GetProduct` of as many products, straight from Domain.Mall, by {Callers} callers, each sending its next call when the last one")
            .AppendLine(CultureInfo.InvariantCulture, $"is answered; medians of {plan.Rounds} rounds of {plan.Duration.TotalSeconds:0} s in turns, after one to warm up. Services and callers are one process, PostgreSQL, KvStore and redis-server others.").AppendLine()
            .AppendLine("| read | database | cache | calls/s | p50 ms | p99 ms | failures |").AppendLine("| --- | --- | --- | ---: | ---: | ---: | ---: |");
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
            ("none", ["--Feed:Cache:Enabled=false", "--Mall:Cache:Enabled=false"]), ("KvStore", At(servers.All[0].Port)), ("redis-server", At(servers.All[1].Port)), ("down", At(down)),
        ];
        var hosts = new List<Running>();
        try
        {
            var targets = new List<(string Name, Func<CancellationToken, Task> Get, List<Round> Rounds)>();
            foreach (var (name, settings) in kinds)
            {
                var host = await StartAsync(postgres, settings);
                hosts.Add(host);
                targets.Add(($"post | {database} | {name}", host.GetPostAsync, []));
                targets.Add(($"product | {database} | {name}", host.GetProductAsync, []));
            }
            for (var round = 0; round <= plan.Rounds; round++)
            {
                foreach (var (_, get, rounds) in targets)
                {
                    var result = await ClosedLoop.RunAsync(get, Callers, plan.Duration);
                    // The first round connects, fills and warms up.
                    if (round > 0) rounds.Add(result);
                }
            }
            foreach (var (name, _, rounds) in targets.OrderBy(target => target.Name.StartsWith("product", StringComparison.Ordinal)))
            {
                double Median(Func<Round, double> figure) => rounds.Select(figure).Order().ElementAt(rounds.Count / 2);
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"| {name} | {Median(round => round.PerSecond):N0} | {Median(round => round.Median.TotalMilliseconds):0.00} | {Median(round => round.P99.TotalMilliseconds):0.00} | {rounds.Sum(round => round.Failures)} |");
            }
        }
        finally
        {
            foreach (var host in hosts) await host.DisposeAsync();
        }
    }

    private static string[] At(int port) =>
        ["--Feed:Cache:Enabled=true", $"--Feed:Cache:Addresses=127.0.0.1:{port}", "--Mall:Cache:Enabled=true", $"--Mall:Cache:Addresses=127.0.0.1:{port}"];

    private static async Task<Running> StartAsync(PostgresServer? postgres, string[] settings)
    {
        var folder = new TemporaryFolder();
        string[] database = postgres is null ? [] :
        [
            $"--Feed:Database={await postgres.CreateDatabaseAsync(CancellationToken.None)}", $"--Mall:Database={await postgres.CreateDatabaseAsync(CancellationToken.None)}",
        ];
        var host = await FeedMallHost.StartAsync(folder.Path, [.. database, .. settings]);
        var posts = await EdgeBenchmark.CreatePostsAsync(host.Http, host.Http.BaseAddress!.ToString().TrimEnd('/'), Things);
        var clients = Clients(host);
        return new Running(folder, host, clients, posts, await CreateProductsAsync(clients));
    }

    private static ServiceProvider Clients(FeedMallHost host)
    {
        var services = new ServiceCollection();
        services.AddSingleton(TimeProvider.System).AddLogging().AddMetrics();
        services.AddGrpcClient<Posts.PostsClient>((_, options) => options.Addresses = [host.FeedAddress]);
        services.AddGrpcClient<Shops.ShopsClient>((_, options) => options.Addresses = [host.MallAddress]);
        services.AddGrpcClient<Products.ProductsClient>((_, options) => options.Addresses = [host.MallAddress]);
        return services.BuildServiceProvider();
    }

    private static async Task<IReadOnlyList<long>> CreateProductsAsync(ServiceProvider clients)
    {
        var owner = new Metadata { { Caller.UidKey, "1" } };
        var shop = (await clients.GetRequiredService<Shops.ShopsClient>().CreateShopAsync(new CreateShopRequest { Name = "bench" }, owner)).Shop.Id;
        var ids = new List<long>();
        while (ids.Count < Things)
        {
            var product = new CreateProductRequest { ShopId = shop, Title = "Rye flour, 1 kg", Description = "Stone ground.", Price = new Money { MinorUnits = 350, Currency = "EUR" } };
            ids.Add((await clients.GetRequiredService<Products.ProductsClient>().CreateProductAsync(product, owner)).Product.Id);
        }
        return ids;
    }

    private sealed record Running(TemporaryFolder Folder, FeedMallHost Host, ServiceProvider Clients, IReadOnlyList<long> PostIds, IReadOnlyList<long> ProductIds) : IAsyncDisposable
    {
        private readonly Posts.PostsClient _posts = Clients.GetRequiredService<Posts.PostsClient>();
        private readonly Products.ProductsClient _products = Clients.GetRequiredService<Products.ProductsClient>();
        private int _next;

        public async Task GetPostAsync(CancellationToken cancellationToken) => await _posts.GetPostAsync(new GetPostRequest { Id = Next(PostIds) }, cancellationToken: cancellationToken);

        public async Task GetProductAsync(CancellationToken cancellationToken) => await _products.GetProductAsync(new GetProductRequest { Id = Next(ProductIds) }, cancellationToken: cancellationToken);

        public async ValueTask DisposeAsync()
        {
            await Clients.DisposeAsync();
            await Host.DisposeAsync();
            Folder.Dispose();
        }

        private long Next(IReadOnlyList<long> ids) => ids[(int)((uint)Interlocked.Increment(ref _next) % (uint)ids.Count)];
    }
}
