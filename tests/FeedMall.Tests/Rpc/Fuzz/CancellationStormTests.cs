using FeedMall.Rpc.Client;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>Calls that nobody waits for any more.</summary>
[Collection(FuzzCollection.Name)]
public sealed class CancellationStormTests(ITestOutputHelper output)
{
    private const int Calls = 10_000;
    // Kestrel takes many resets of streams that it has not yet ended for an attack, so a round waits until the one before is over there.
    private const int CallsInRound = 50;
    private const long MayKeepBytes = 8 << 20;
    private static readonly ByteString s_payload = ByteString.CopyFrom(new byte[1000]);

    private int _cancelled;

    [Fact]
    public async Task Ten_thousand_cancelled_calls_leave_nothing_behind_on_either_side()
    {
        using var watch = new Watch();
        await using var host = await EchoHost.StartAsync(services: services => services.Configure<LoggerFilterOptions>(options => options.MinLevel = LogLevel.Warning));
        LetMethodsRunUntilTheyAreGivenUp(host.Script);
        using var requests = Gauge.Requests(host);
        await StormAsync(host.Client, requests, Calls / 10);
        var baseline = Watch.SettledBytes();

        _cancelled = 0;
        await StormAsync(host.Client, requests, Calls);
        Assert.All(host.ClientServices.GetRequiredService<RpcChannels>().All.SelectMany(channel => channel.Snapshot()), endpoint => Assert.Equal(0, endpoint.InFlight));
        Assert.Equal("control", (await host.Client.SayAsync(new EchoRequest { Text = "control", Count = 0 })).Text);
        Assert.Empty(host.Errors);
        output.WriteLine($"{_cancelled} of {Calls} ended as cancelled, at most {requests.Highest} ran at once, {(Watch.SettledBytes() - baseline) / 1024} KiB more than before");
        watch.AssertBack(baseline, MayKeepBytes);
        Assert.InRange(_cancelled, Calls * 9 / 10, Calls);
    }

    private async Task StormAsync(Echo.EchoClient client, Gauge requests, int calls)
    {
        for (var first = 0; first < calls; first += CallsInRound)
        {
            await Task.WhenAll(Enumerable.Range(first, CallsInRound).Select(call => Task.Run(() => GiveUpAsync(client, call))));
            await requests.ReachesAsync(0);
        }
    }

    private async Task GiveUpAsync(Echo.EchoClient client, int call)
    {
        using var giveUp = new CancellationTokenSource();
        var random = new Random(unchecked(FuzzCollection.Seed + call));
        var (moment, byDisposing) = (random.Next(4), random.Next(2) == 0);
        try
        {
            await CallAsync(client, giveUp, call % 4, moment, byDisposing).WaitAsync(TimeSpan.FromSeconds(15));
        }
        catch (TimeoutException)
        {
            Assert.Fail($"seed {FuzzCollection.Seed}, call {call}: kind {call % 4}, moment {moment}, by disposing {byDisposing} does not end.");
        }
        catch (RpcException exception) when (exception.StatusCode == StatusCode.Cancelled)
        {
            Interlocked.Increment(ref _cancelled);
        }
        catch (OperationCanceledException)
        {
            // A write with a token that has fired already.
            Interlocked.Increment(ref _cancelled);
        }
    }

    // Moments: 0 before the call, 1 while its request is sent, 2 when the headers are there, 3 when a message is or, where none comes before
    // the end, with the headers.
    private static async Task CallAsync(Echo.EchoClient client, CancellationTokenSource giveUp, int kind, int moment, bool byDisposing)
    {
        var options = new CallOptions(cancellationToken: giveUp.Token);
        var request = new EchoRequest { Text = "storm", Count = int.MaxValue, Payload = s_payload };
        if (moment == 0) await giveUp.CancelAsync();
        switch (kind)
        {
            case 0:
                using (var say = client.SayAsync(request, options))
                {
                    await GiveUpAsync(giveUp, byDisposing, moment, say);
                    await say;
                }
                break;
            case 1:
                using (var count = client.Count(request, options))
                {
                    await GiveUpAsync(giveUp, byDisposing, moment, count, count.ResponseStream);
                    await ReadAsync(count.ResponseStream);
                }
                break;
            case 2:
                using (var gather = client.Gather(options))
                {
                    var writing = gather.RequestStream.WriteAsync(request);
                    await GiveUpAsync(giveUp, byDisposing, moment, gather);
                    await EndAsync(writing);
                    await gather;
                }
                break;
            default:
                using (var chat = client.Chat(options))
                {
                    var writing = chat.RequestStream.WriteAsync(request);
                    await GiveUpAsync(giveUp, byDisposing, moment, chat, chat.ResponseStream);
                    await EndAsync(writing);
                    await ReadAsync(chat.ResponseStream);
                }
                break;
        }
    }

    private static async Task GiveUpAsync(CancellationTokenSource giveUp, bool byDisposing, int moment, AsyncCall call, IAsyncStreamReader<EchoResponse>? responses = null)
    {
        if (moment >= 2) await call.ResponseHeadersAsync;
        if (moment == 3 && responses is not null) Assert.True(await responses.MoveNext(CancellationToken.None));
        // Half by the token, half by letting go of the call.
        if (byDisposing) call.Dispose();
        else await giveUp.CancelAsync();
    }

    private static async Task EndAsync(Task writing)
    {
        try
        {
            await writing;
        }
        catch (RpcException)
        {
            // The call's own end tells the same.
        }
    }

    private static async Task ReadAsync(IAsyncStreamReader<EchoResponse> responses)
    {
        while (await responses.MoveNext(CancellationToken.None)) { }
    }

    private static void LetMethodsRunUntilTheyAreGivenUp(EchoScript script)
    {
        script.Say = async (request, context) =>
        {
            if (request.Count == 0) return new EchoResponse { Text = request.Text };
            await context.WriteResponseHeadersAsync([]);
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
            return new EchoResponse();
        };
        script.Count = async (_, responses, _) =>
        {
            while (true) await responses.WriteAsync(new EchoResponse { Payload = s_payload });
        };
        script.Gather = async (requests, context) =>
        {
            await context.WriteResponseHeadersAsync([]);
            while (await requests.MoveNext(CancellationToken.None)) { }
            return new EchoResponse();
        };
    }
}
