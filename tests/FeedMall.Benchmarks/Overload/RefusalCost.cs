using System.Globalization;
using System.Net;
using FeedMall.Benchmarks.Edge;
using FeedMall.Resilience.Queueing;
using FeedMall.Testing;

namespace FeedMall.Benchmarks.Overload;

/// <summary>What a request costs the Bff.</summary>
/// <param name="Calm">With one caller: how long it takes.</param>
/// <param name="Microseconds">With sixteen callers: processor time of the Bff's process for each.</param>
internal sealed record RequestCost(Round Calm, Round Busy, double Microseconds);

/// <summary>
/// What it costs to refuse a request, beside one that is answered by a domain service whose work costs nothing. The Bff has one place, which a request holds that
/// ends only with its deadline, and one place to wait, which another holds; so it refuses all the others.
/// </summary>
internal static class RefusalCost
{
    /// <summary>The domain service does not find this post, nor the next, until the caller gives up.</summary>
    public const long HeldPost = 900_000_001;

    private static readonly TimeSpan s_round = TimeSpan.FromSeconds(2.5);

    public static async Task<(RequestCost Answered, RequestCost Refused)> MeasureAsync()
    {
        using var folder = new TemporaryFolder();
        var (feed, bff) = (FreePort.Next(), FreePort.Next());
        await using var upstream = await ServerProcess.StartAsync(folder.Path, "FeedMall.Benchmarks", feed, "overload-upstream", feed.ToString(CultureInfo.InvariantCulture), "0/0/0");
        Task<ServerProcess> StartAsync(params string[] settings) => ServerProcess.StartAsync(folder.Path, "Bff", bff, [$"--DataDirectory={folder.Path}", $"--Bff:Url=http://127.0.0.1:{bff}",
            "--Bff:GovernorUrl=", "--Bff:Cache:Enabled=false", $"--Bff:FeedAddresses=http://127.0.0.1:{feed}", .. settings]);
        var target = new IPEndPoint(IPAddress.Loopback, bff);
        RequestCost answered, refused;
        await using (var edge = await StartAsync("--Protection:Admission:DryRun=true")) answered = await MeasureAsync(edge, target, 200);
        await using (var edge = await StartAsync("--Protection:Admission:Ceiling=1", "--Protection:Admission:QueueCapacity=1", "--Protection:Admission:QueueTarget=00:01:00",
            "--Protection:Admission:QueueInterval=00:01:00", "--Bff:RequestTimeout=00:00:10", "--Protection:Dependencies:CallTimeout=00:00:10"))
        {
            using var ended = new CancellationTokenSource();
            Task[] held = [HoldAsync(target, HeldPost, ended.Token), HoldAsync(target, HeldPost + 1, ended.Token)];
            // Both have their places before anybody else asks, and keep them until all is measured.
            await Task.Delay(TimeSpan.FromSeconds(1));
            refused = await MeasureAsync(edge, target, 503);
            await ended.CancelAsync();
            await Task.WhenAll(held);
        }
        return (answered, refused);
    }

    private static async Task<RequestCost> MeasureAsync(ServerProcess edge, IPEndPoint target, int expected)
    {
        using var load = new OpenLoop(target, 16);
        async Task AskAsync(CancellationToken _)
        {
            if (await load.AskAsync() is { } reply && reply.Status != expected) throw new HttpRequestException($"{reply.Status} {reply.Reason}");
        }
        await ClosedLoop.RunAsync(AskAsync, 16, s_round);
        var calm = await ClosedLoop.RunAsync(AskAsync, 1, s_round);
        var before = edge.Cpu;
        var busy = await ClosedLoop.RunAsync(AskAsync, 16, s_round);
        return new RequestCost(calm, busy, (edge.Cpu - before).TotalMicroseconds / (busy.PerSecond * s_round.TotalSeconds));
    }

    private static async Task HoldAsync(IPEndPoint target, long post, CancellationToken end)
    {
        using var caller = new HttpCaller(target);
        await using var stop = end.Register(caller.Dispose);
        await caller.GetPostAsync(post, Criticality.CriticalPlus, 0);
    }
}
