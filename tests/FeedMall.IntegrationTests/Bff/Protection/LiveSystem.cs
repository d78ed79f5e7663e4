using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>Tests of how long things take have the machine to themselves: they run when all others have.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneOnTheMachine
{
    /// <summary>For the tests' <see cref="CollectionAttribute"/>.</summary>
    public const string Name = "alone on the machine";
}

/// <summary>KvStore, Domain.Feed, Domain.Mall and the Bff as four processes with everything on, each of which can be killed and started again; and somebody who has posted.</summary>
internal sealed class LiveSystem : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, ServiceProcess> _processes = [];
    private readonly Dictionary<string, string[]> _arguments;
    private readonly string _governor = FreePort.NextUrl();
    private readonly TcpProxy _mall;
    private string _token = "";

    private LiveSystem(string[] settings)
    {
        var (bff, feed, mall, kv) = (FreePort.NextUrl(), FreePort.NextUrl(), FreePort.Next(), FreePort.Next());
        _mall = new TcpProxy(mall);
        Http = new HttpClient { BaseAddress = new Uri(bff), Timeout = TimeSpan.FromSeconds(20) };
        // On a busy machine 30 ms pass before the store has had its turn; what it could not be told is void then, also for bad times.
        string[] every = [$"--DataDirectory={_folder.Path}", .. new[] { "Feed", "Mall", "Bff" }.SelectMany(service =>
            new[] { $"--{service}:Cache:Addresses=127.0.0.1:{kv}", $"--{service}:Cache:OperationTimeout=00:00:00.500" })];
        _arguments = new()
        {
            ["KvStore"] = [$"--Kv:Port={kv}", "--Kv:GovernorUrl=", $"--DataDirectory={_folder.Path}"],
            ["Domain.Feed"] = [.. every, $"--Feed:Url={feed}", "--Feed:GovernorUrl="],
            ["Domain.Mall"] = [.. every, $"--Mall:Url=http://127.0.0.1:{mall}", "--Mall:GovernorUrl="],
            ["Bff"] = [.. every, $"--Bff:Url={bff}", $"--Bff:GovernorUrl={_governor}", $"--Bff:FeedAddresses={feed}", $"--Bff:MallAddresses=http://127.0.0.1:{_mall.Port}",
                // All calls come from one address, and the machine may be as busy as it can be with other tests.
                "--Protection:RateLimit:ClientRate=0", "--Protection:Admission:DryRun=true",
                "--Protection:Dependencies:CallTimeout=00:00:01", "--Protection:Dependencies:WriteTimeout=00:00:01",
                "--Bff:AuthTimeout=00:00:10", "--Protection:Dependencies:Methods:feedmall.feed.v1.Users/Register:Timeout=00:00:10",
                "--Protection:Dependencies:Methods:feedmall.feed.v1.Users/LogIn:Timeout=00:00:10", .. settings],
        };
    }

    public HttpClient Http { get; }

    public IReadOnlyList<string> Posts { get; private set; } = [];

    /// <summary>How long the mall's answers are held back.</summary>
    public TimeSpan MallDelay
    {
        set => _mall.Delay = value;
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<LiveSystem> StartAsync(params string[] settings)
    {
        var system = new LiveSystem(settings);
        foreach (var program in system._arguments.Keys) await system.StartAsync(program);
        await system.UntilAsync("/readyz", response => response.IsSuccessStatusCode, TimeSpan.FromSeconds(60));
        await system.PostAsync();
        return system;
    }

    public async Task StartAsync(string program)
    {
        if (_processes.Remove(program, out var former)) await former.DisposeAsync();
        _processes[program] = ServiceProcess.Start(program, _folder.Path, _arguments[program]);
        await _processes[program].WaitForLineAsync("listens", Cancel);
    }

    public Task KillAsync(string program) => _processes[program].KillAsync();

    public async Task<string> MetricsAsync()
    {
        using var governor = new HttpClient();
        return await governor.GetStringAsync($"{_governor}/metrics", Cancel);
    }

    /// <summary>A user of the feed or the mall: reads anonymously, or writes as the one who posted.</summary>
    public async Task<LiveAnswer> CallAsync(string path, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        if (method is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
        var startedAt = Stopwatch.GetTimestamp();
        using var response = await Http.SendAsync(request, Cancel);
        var body = await response.Content.ReadAsStringAsync(Cancel);
        var took = Stopwatch.GetElapsedTime(startedAt);
        return new LiveAnswer((int)response.StatusCode, took, response.IsSuccessStatusCode ? null : (string?)JsonNode.Parse(body)?["reason"], response.Headers.Contains("X-FeedMall-Degraded"));
    }

    public async Task UntilAsync(string path, Func<HttpResponseMessage, bool> isSo, TimeSpan atMost)
    {
        var startedAt = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var response = await Http.GetAsync(path, Cancel);
                if (isSo(response)) return;
            }
            catch (HttpRequestException)
            {
                // The port is not open yet.
            }
            Assert.True(Stopwatch.GetElapsedTime(startedAt) < atMost, $"{path} not within {atMost.TotalSeconds} s\n{string.Join('\n', _processes.Values.Select(process => process.Output))}");
            await Task.Delay(20, Cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        foreach (var process in _processes.Values) await process.DisposeAsync();
        await _mall.DisposeAsync();
        _folder.Dispose();
    }

    private async Task PostAsync()
    {
        var who = new { name = "live", password = "correct horse battery staple" };
        using var registered = await Http.PostAsJsonAsync("/v1/auth/register", who, Cancel);
        using var loggedIn = await Http.PostAsJsonAsync("/v1/auth/login", who, Cancel);
        _token = (string)(await ReadAsync(loggedIn))["token"]!;
        var posts = new List<string>();
        for (var i = 0; i < 10; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/feed/posts") { Content = JsonContent.Create(new { title = string.Create(CultureInfo.InvariantCulture, $"Post {i}") }) };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
            using var created = await Http.SendAsync(request, Cancel);
            posts.Add((string)(await ReadAsync(created))["id"]!);
        }
        Posts = posts;
    }

    private static async Task<JsonNode> ReadAsync(HttpResponseMessage response)
    {
        response.EnsureSuccessStatusCode();
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["data"]!;
    }
}

/// <summary>What a user saw.</summary>
internal sealed record LiveAnswer(int Status, TimeSpan Took, string? Reason, bool IsDegraded);

/// <summary>Users who call one after the other at a steady pace until they are told to stop; what they saw is taken out part by part.</summary>
internal sealed class SteadyUsers : IAsyncDisposable
{
    private readonly CancellationTokenSource _enough = new();
    private readonly Lock _gate = new();
    private readonly Task _users;
    private List<LiveAnswer> _seen = [];

    public SteadyUsers(int users, TimeSpan pace, Func<int, Task<LiveAnswer>> call) =>
        _users = Task.WhenAll(Enumerable.Range(0, users).Select(user => RunAsync(user, users, pace, call)));

    /// <summary>All that was seen since the last time.</summary>
    public Seen Take()
    {
        lock (_gate)
        {
            var seen = _seen;
            _seen = [];
            return new Seen(seen);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _enough.CancelAsync();
        await _users;
    }

    private async Task RunAsync(int user, int users, TimeSpan pace, Func<int, Task<LiveAnswer>> call)
    {
        var cancel = TestContext.Current.CancellationToken;
        await Task.Delay(pace * user / users, cancel);
        using var timer = new PeriodicTimer(pace);
        for (var turn = user; !_enough.IsCancellationRequested; turn += users)
        {
            var answer = await call(turn);
            lock (_gate) _seen.Add(answer);
            await timer.WaitForNextTickAsync(cancel);
        }
    }
}

internal sealed record Seen(IReadOnlyList<LiveAnswer> Answers)
{
    public double Share(Func<LiveAnswer, bool> isSo) => (double)Answers.Count(isSo) / Answers.Count;

    public TimeSpan Percentile(double part) => Answers.Select(answer => answer.Took).Order().ElementAt((int)(part * (Answers.Count - 1)));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Answers.Count} calls: {string.Join(", ", Answers.GroupBy(answer => $"{answer.Status} {answer.Reason}".Trim()).Select(group => $"{group.Count()} × {group.Key}"))}; " +
        $"{Answers.Count(answer => answer.IsDegraded)} degraded; p50 {Percentile(0.5).TotalMilliseconds:0.0} ms, p99 {Percentile(0.99).TotalMilliseconds:0.0} ms");
}
