using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Client;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Benchmarks.Edge;

/// <summary>What the edge costs: the same post through the Bff, from Domain.Feed direct, and a bare Kestrel route beside them.</summary>
internal static class EdgeBenchmark
{
    private sealed record Plan(string? Out, int Rounds, TimeSpan Duration, int Connections);

    private sealed record Target(string Name, Func<CancellationToken, Task> Request)
    {
        public List<Round> Rounds { get; } = [];

        /// <summary>Processor time of the servers for each request, in µs.</summary>
        public List<double> Cpu { get; } = [];
    }

    public static async Task<int> RunAsync(string[] args)
    {
        var conditions = await Conditions.DescribeAsync();
        var plan = new Plan(
            Option(args, "--out"),
            int.Parse(Option(args, "--rounds") ?? "5", CultureInfo.InvariantCulture),
            TimeSpan.FromSeconds(double.Parse(Option(args, "--seconds") ?? "3", CultureInfo.InvariantCulture)),
            int.Parse(Option(args, "--connections") ?? "32", CultureInfo.InvariantCulture));

        using var servers = Process.Start(new ProcessStartInfo("dotnet", [typeof(EdgeBenchmark).Assembly.Location, "edge-servers"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var addresses = (await servers.StandardOutput.ReadLineAsync())!.Split(' ');
        try
        {
            using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = plan.Connections });
            await using var clients = Clients(addresses[1]);
            var id = await CreatePostAsync(http, addresses[2]);
            var posts = clients.GetRequiredService<Posts.PostsClient>();
            Target[] targets =
            [
                new("bare Kestrel route, HTTP/1.1", cancel => GetAsync(http, $"{addresses[0]}/v1/feed/posts/{id}", cancel)),
                new("Domain.Feed direct, gRPC", async cancel =>
                    await posts.GetPostAsync(new GetPostRequest { Id = id }, cancellationToken: cancel)),
                new("Bff, protections off", cancel => GetAsync(http, $"{addresses[2]}/v1/feed/posts/{id}", cancel)),
                new("Bff, protections on, cache off", cancel => GetAsync(http, $"{addresses[3]}/v1/feed/posts/{id}", cancel)),
                new("Bff, protections and cache on", cancel => GetAsync(http, $"{addresses[4]}/v1/feed/posts/{id}", cancel)),
            ];
            await MeasureAsync(targets, servers, plan);
            var table = Table(targets, plan, conditions);
            Console.WriteLine(table);
            if (plan.Out is not null) await File.WriteAllTextAsync(plan.Out, table);
            return targets.Any(target => target.Rounds.Any(round => round.Failures > 0)) ? 1 : 0;
        }
        finally
        {
            servers.StandardInput.Close();
            await servers.WaitForExitAsync();
        }
    }

    private static async Task MeasureAsync(Target[] targets, Process servers, Plan plan)
    {
        foreach (var target in targets) await ClosedLoop.RunAsync(target.Request, plan.Connections, plan.Duration);
        for (var round = 1; round <= plan.Rounds; round++)
        {
            foreach (var target in targets)
            {
                servers.Refresh();
                var before = servers.TotalProcessorTime;
                var result = await ClosedLoop.RunAsync(target.Request, plan.Connections, plan.Duration);
                servers.Refresh();
                target.Rounds.Add(result);
                target.Cpu.Add((servers.TotalProcessorTime - before).TotalMicroseconds / (result.PerSecond * plan.Duration.TotalSeconds));
                Console.Error.WriteLine($"round {round}/{plan.Rounds} {target.Name}: {result.PerSecond:N0}/s");
            }
        }
    }

    private static string Table(Target[] targets, Plan plan, string conditions)
    {
        var bare = Median(targets[0], round => round.PerSecond);
        var text = new StringBuilder();
        text.AppendLine("# What the edge costs").AppendLine()
            .AppendLine("`GET /v1/feed/posts/{id}` of one post, medians of the rounds below. The servers run in one process, the load in another one, on the same")
            .AppendLine(CultureInfo.InvariantCulture, $"machine: read the ratios, not the absolute figures. {plan.Connections} callers, each sending its next request when the last one is")
            .AppendLine(CultureInfo.InvariantCulture, $"answered; {plan.Rounds} rounds of {plan.Duration.TotalSeconds:0.#} s per target, taking turns, after one round to warm up. SQLite; the domain services cache nothing. The protections decide and refuse nothing.").AppendLine()
            .AppendLine("Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- edge --out docs/results/edge.md`.")
            .AppendLine(conditions).AppendLine()
            .AppendLine("| target | requests/s | of the bare route | p50 ms | p99 ms | servers' CPU µs/request | requests/s of each round | failures |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |");
        foreach (var target in targets)
        {
            var perSecond = Median(target, round => round.PerSecond);
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {target.Name} | {perSecond:N0} | {perSecond / bare:0.00}× | {Median(target, round => round.Median.TotalMilliseconds):0.00} | {Median(target, round => round.P99.TotalMilliseconds):0.00} | {target.Cpu.Order().ElementAt(target.Cpu.Count / 2):0.0} | {string.Join(", ", target.Rounds.Select(round => round.PerSecond.ToString("N0", CultureInfo.InvariantCulture)))} | {target.Rounds.Sum(round => round.Failures)} |");
        }
        return text.ToString();
    }

    private static double Median(Target target, Func<Round, double> figure) =>
        target.Rounds.Select(figure).Order().ElementAt(target.Rounds.Count / 2);

    private static async Task GetAsync(HttpClient http, string url, CancellationToken cancel)
    {
        using var response = await http.GetAsync(new Uri(url), cancel);
        response.EnsureSuccessStatusCode();
    }

    private static async Task<long> CreatePostAsync(HttpClient http, string bff) => (await CreatePostsAsync(http, bff, 1))[0];

    /// <summary>Creates posts of a new user.</summary>
    internal static async Task<IReadOnlyList<long>> CreatePostsAsync(HttpClient http, string bff, int count)
    {
        var account = new { name = "bench", password = "bench-password" };
        (await http.PostAsJsonAsync(new Uri($"{bff}/v1/auth/register"), account)).EnsureSuccessStatusCode();
        var login = await (await http.PostAsJsonAsync(new Uri($"{bff}/v1/auth/login"), account)).Content.ReadFromJsonAsync<JsonNode>();
        var ids = new List<long>();
        while (ids.Count < count)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"{bff}/v1/feed/posts"))
            {
                Content = JsonContent.Create(new { title = "A month of baking sourdough rye", content = "It took four weeks.", type = "text", tags = new[] { "baking" } }),
            };
            request.Headers.Authorization = new("Bearer", (string)login!["data"]!["token"]!);
            using var response = await http.SendAsync(request);
            var created = await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonNode>();
            ids.Add(long.Parse((string)created!["data"]!["id"]!, CultureInfo.InvariantCulture));
        }
        return ids;
    }

    /// <summary>A client of Domain.Feed at an address.</summary>
    internal static ServiceProvider Clients(string feed)
    {
        var services = new ServiceCollection();
        services.AddSingleton(TimeProvider.System).AddLogging().AddMetrics();
        services.AddGrpcClient<Posts.PostsClient>((_, options) => options.Addresses = [new Uri(feed)]);
        return services.BuildServiceProvider();
    }

    private static string? Option(string[] args, string name)
    {
        var at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
    }
}
