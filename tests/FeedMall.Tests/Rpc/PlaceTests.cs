using FeedMall.Resilience;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Queueing;
using FeedMall.Rpc.Errors;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>Calls that wait for a place before they begin.</summary>
public sealed class PlaceTests : IAsyncDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly Bulkhead _places = new(new BulkheadOptions { Places = 1 }, TimeProvider.System);
    private readonly AdmissionQueue _queue;
    private EchoHost? _host;
    private int _calls;

    public PlaceTests() => _queue = new AdmissionQueue(_places, new AdmissionQueueOptions { Queue = new() { Target = TimeSpan.FromMinutes(1), Interval = TimeSpan.FromMinutes(1) } }, TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        _queue.Dispose();
        if (_host is not null) await _host.DisposeAsync();
    }

    [Fact]
    public async Task A_call_waits_for_its_place_and_gives_it_back()
    {
        var echo = await StartAsync();
        var held = _places.TryEnter();
        var call = echo.SayAsync(new EchoRequest { Text = "waits" }, cancellationToken: Token);
        Assert.Equal(1, _queue.Waiting);
        held.Complete(Outcome.Success);
        Assert.Equal("waits", (await call).Text);
        Assert.Equal("again", (await echo.SayAsync(new EchoRequest { Text = "again" }, cancellationToken: Token)).Text);
        Assert.Equal(0, _places.InFlight);
    }

    [Fact]
    public async Task Who_gives_up_while_it_waits_is_cancelled_and_takes_no_place()
    {
        var echo = await StartAsync();
        using var held = _places.TryEnter();
        using var gone = new CancellationTokenSource();
        var call = echo.SayAsync(new EchoRequest(), cancellationToken: gone.Token);
        await gone.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        // A call that is disposed of is not called any more, whenever its place comes.
        var other = echo.SayAsync(new EchoRequest(), cancellationToken: Token);
        other.Dispose();
        held.Complete(Outcome.Success);
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(async () => await other)).StatusCode);
        Assert.Equal((0, 0), (_queue.Waiting, _places.InFlight));
        Assert.Equal(0, _calls);
    }

    [Fact]
    public async Task Who_is_refused_is_told_why_and_not_called()
    {
        var echo = await StartAsync();
        using var held = _places.TryEnter();
        var late = await Assert.ThrowsAsync<RpcException>(async () => await echo.SayAsync(new EchoRequest(), deadline: DateTime.UtcNow.AddMilliseconds(1), cancellationToken: Token));
        Assert.Equal(StatusCode.DeadlineExceeded, late.StatusCode);
        _queue.Options = _queue.Options with { Queue = _queue.Options.Queue with { Target = TimeSpan.FromMilliseconds(1), Interval = TimeSpan.FromMilliseconds(1) } };
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await echo.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Unavailable, RefusalReasons.QueueTimeout), (refused.StatusCode, refused.FindErrorInfo()!.Reason));
        Assert.Equal(0, _calls);
    }

    [Fact]
    public async Task A_stream_keeps_its_place_until_its_end()
    {
        var echo = await StartAsync();
        using (var chat = echo.Chat(cancellationToken: Token))
        {
            await chat.RequestStream.WriteAsync(new EchoRequest { Text = "one" }, Token);
            Assert.True(await chat.ResponseStream.MoveNext(Token));
            Assert.Equal(1, _places.InFlight);
            await chat.RequestStream.CompleteAsync();
            while (await chat.ResponseStream.MoveNext(Token)) { }
        }
        // The place is free a moment after the last message was read.
        while (_places.InFlight > 0) await Task.Yield();
    }

    private async Task<Echo.EchoClient> StartAsync()
    {
        _host = await EchoHost.StartAsync(client: options => options.WaitForPlace = async (_, timeLeft, cancel) => await _queue.EnterAsync(Criticality.Critical, 0, timeLeft, cancel));
        _host.Script.Say = (request, _) =>
        {
            Interlocked.Increment(ref _calls);
            return Task.FromResult(new EchoResponse { Text = request.Text });
        };
        return _host.Client;
    }
}
