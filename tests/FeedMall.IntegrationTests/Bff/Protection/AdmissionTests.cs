using System.Net.Sockets;
using System.Text;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

public sealed class AdmissionTests
{
    // One place, one who waits; and a queue that lets wait for as long as it takes.
    private static readonly string[] s_narrow =
        ["--Protection:Admission:Ceiling=1", "--Protection:Admission:QueueCapacity=1", "--Protection:Admission:QueueTarget=00:00:10", "--Protection:Admission:QueueInterval=00:00:10"];

    [Fact]
    public async Task When_all_places_are_taken_the_next_waits_and_the_one_after_gets_503_at_once()
    {
        await using var bff = await ProtectedBff.StartAsync(s_narrow);
        await using var held = new Held(bff);
        var waiting = await held.WithOneWaitingAsync();

        var refused = await bff.GetAsync("/v1/feed/posts/3");
        Assert.Equal((503, "QUEUE_TIMEOUT", "admission; reason=QUEUE_TIMEOUT; effect=refused"), (refused.Status, refused.Reason, refused.Decision));
        Assert.InRange(refused.RetryAfter!.Value.TotalSeconds, 1, 3);
        Assert.Equal(1, await bff.DecisionsAsync("admission", "GetPost", "QUEUE_TIMEOUT", "refused"));
        Assert.Equal(200, (await bff.GetAsync("/healthz")).Status);

        held.Release();
        Assert.Equal([200, 200], (await Task.WhenAll(held.First, waiting)).Select(answer => answer.Status));
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task What_matters_more_takes_the_place_of_what_matters_less()
    {
        await using var bff = await ProtectedBff.StartAsync(s_narrow);
        await using var held = new Held(bff);
        var waiting = await held.WithOneWaitingAsync(("x1-mio-criticality", "sheddable"));
        var important = bff.GetAsync("/v1/feed/posts/3", ("x1-mio-criticality", "critical_plus"));
        Assert.Equal((503, "QUEUE_TIMEOUT"), ((await waiting).Status, (await waiting).Reason));
        held.Release();
        Assert.Equal(200, (await important).Status);
    }

    [Fact]
    public async Task A_refusal_comes_before_the_body()
    {
        await using var bff = await ProtectedBff.StartAsync(s_narrow);
        await using var held = new Held(bff);
        var waiting = await held.WithOneWaitingAsync();
        using var socket = new TcpClient();
        await socket.ConnectAsync(bff.Http.BaseAddress!.Host, bff.Http.BaseAddress.Port, ProtectedBff.Cancel);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nx1-mio-criticality: sheddable\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"), ProtectedBff.Cancel);
        var buffer = new byte[64];
        var read = await stream.ReadAtLeastAsync(buffer, 12, throwOnEndOfStream: true, ProtectedBff.Cancel);
        Assert.StartsWith("HTTP/1.1 503", Encoding.ASCII.GetString(buffer, 0, read), StringComparison.Ordinal);
        held.Release();
        Assert.Equal(200, (await waiting).Status);
    }

    [Fact]
    public async Task Who_is_refused_at_the_door_begins_nothing_and_is_counted_but_not_logged()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Cache:Enabled=true", "--Bff:Cache:Enabled=false");
        // No answer can come in no time.
        var refused = await bff.GetAsync("/v1/feed/posts/7", ("x1-mio-timeout", "0"));
        Assert.Equal((504, "DEADLINE_EXCEEDED", "admission; reason=DEADLINE_EXCEEDED; effect=refused"), (refused.Status, refused.Reason, refused.Decision));
        Assert.Equal(0, (long)(await bff.ProtectionAsync())["mechanisms"]!["flights"]!["begun"]!);
        Assert.Equal(1, await bff.DecisionsAsync("admission", "GetPost", "DEADLINE_EXCEEDED", "refused"));
        Assert.Equal(200, (await bff.GetAsync("/v1/feed/posts/8")).Status);
        while (!Logged("200")) await Task.Yield();
        Assert.False(Logged("504"));
        bool Logged(string status) => bff.Logs.Entries.Any(entry => entry.Message.StartsWith($"GET /v1/feed/posts/{{id}} {status}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task In_dry_run_nobody_waits_and_nobody_is_refused()
    {
        await using var bff = await ProtectedBff.StartAsync([.. s_narrow, "--Protection:Admission:DryRun=true"]);
        await using var held = new Held(bff);
        await held.Begun;
        bff.GetPost = (request, _) => Task.FromResult(ProtectedBff.Post(request.Id));
        var passed = await bff.GetAsync("/v1/feed/posts/2");
        Assert.Equal((200, "admission; reason=OVERLOADED; effect=dry_run"), (passed.Status, passed.Decision));
        Assert.Equal(1, await bff.DecisionsAsync("admission", "GetPost", "OVERLOADED", "dry_run"));
    }

    /// <summary>A request that is being answered for as long as the test wants.</summary>
    private sealed class Held : IAsyncDisposable
    {
        private readonly ProtectedBff _bff;
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Held(ProtectedBff bff)
        {
            _bff = bff;
            bff.GetPost = async (request, context) =>
            {
                _begun.TrySetResult();
                await _released.Task.WaitAsync(context.CancellationToken);
                return ProtectedBff.Post(request.Id);
            };
            First = bff.GetAsync("/v1/feed/posts/1");
        }

        public Task<ProtectedBff.Answer> First { get; }

        public Task Begun => _begun.Task;

        public void Release() => _released.TrySetResult();

        public async Task<Task<ProtectedBff.Answer>> WithOneWaitingAsync(params (string, string)[] headers)
        {
            await Begun.WaitAsync(ProtectedBff.Cancel);
            var waiting = _bff.GetAsync("/v1/feed/posts/2", headers);
            while ((int)(await _bff.ProtectionAsync())["mechanisms"]!["admission"]!["queue"]!["waiting"]! == 0) await Task.Yield();
            return waiting;
        }

        public async ValueTask DisposeAsync()
        {
            Release();
            await First;
        }
    }
}
