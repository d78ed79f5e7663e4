using System.Collections.Concurrent;
using FeedMall.Resilience.Retry;
using FeedMall.Rpc.Client;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>
/// Broken answers of every kind at our client: 20,000 over connections, through the whole of it. The parsers of messages behind it get
/// another 150,000 in <see cref="ParserFuzzTests"/>.
/// </summary>
[Collection(FuzzCollection.Name)]
public sealed class ClientFuzzTests(ITestOutputHelper output)
{
    private const int Answers = 20_000;
    private const int CallsBetweenControls = 500;
    private const int Workers = 4;
    private const int MostMessageBytes = 256 * 1024;
    private const long MayKeepBytes = 8 << 20;
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_shortDeadline = TimeSpan.FromMilliseconds(30);
    // Beyond every deadline: a call that still runs then hangs.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<StatusCode, int> _statuses = new();

    [Fact]
    public async Task Twenty_thousand_broken_answers_end_their_calls_and_leave_a_client_that_works_and_has_nothing_left_of_them()
    {
        using var watch = new Watch();
        await RunAsync(Answers / 20);
        var baseline = Watch.SettledBytes();
        var started = TimeProvider.System.GetTimestamp();
        _statuses.Clear();
        var answers = await RunAsync(Answers);
        var statuses = string.Join(", ", _statuses.OrderByDescending(status => status.Value).Select(status => $"{status.Key} × {status.Value}"));
        output.WriteLine($"seed {FuzzCollection.Seed}: {answers} answers in {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s, "
            + $"{(Watch.SettledBytes() - baseline) / 1024} KiB more than before; statuses {statuses}");
        watch.AssertBack(baseline, MayKeepBytes);
        Assert.InRange(answers, Answers, int.MaxValue);
        Assert.All([StatusCode.OK, StatusCode.Internal, StatusCode.Unknown, StatusCode.Unavailable, StatusCode.ResourceExhausted, StatusCode.Cancelled, StatusCode.DeadlineExceeded],
            status => Assert.True(_statuses.GetValueOrDefault(status) > Answers / 2000, $"{status} hardly ever happens: {statuses}."));
    }

    private async Task<int> RunAsync(int answers) =>
        (await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(worker, answers / Workers))))).Sum();

    // One client with its own server, so that only its own answers can hurt it.
    private async Task<int> WorkAsync(int worker, int answers)
    {
        var (answered, stage) = (0, default(Plan)!);
        await using var server = new RawServer(stream =>
        {
            Interlocked.Increment(ref answered);
            return (stage.Answer(stream), stage.Then);
        });
        await using var clients = EchoHost.CreateClients(new Uri("http://raw"), options =>
        {
            options.Connect = server.ConnectAsync;
            options.MaxReceiveMessageBytes = MostMessageBytes;
            options.Reconnect = new ConnectionBackoffOptions { Initial = TimeSpan.FromMilliseconds(1), Max = TimeSpan.FromMilliseconds(5) };
        });
        var client = clients.GetRequiredService<Echo.EchoClient>();
        for (var i = 0; Volatile.Read(ref answered) < answers; i++)
        {
            var isControl = i % CallsBetweenControls == 0;
            stage = isControl ? new Control() : new Broken(unchecked(FuzzCollection.Seed + (worker << 24) + i));
            try
            {
                var status = await CallAsync(client, stage).WaitAsync(s_patience);
                // The answer before may have broken the connection under it; then the client has to know by now.
                if (isControl && status == StatusCode.Unavailable) status = await CallAsync(client, stage).WaitAsync(s_patience);
                if (isControl) Assert.Equal(StatusCode.OK, status);
                else _statuses.AddOrUpdate(status, 1, static (_, count) => count + 1);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"seed {FuzzCollection.Seed}, worker {worker}, call {i}: {Convert.ToHexString(stage.Answer(1))}, then {stage.Then}", exception);
            }
        }
        Assert.All(clients.GetRequiredService<RpcChannels>().All.SelectMany(channel => channel.Snapshot()), endpoint => Assert.Equal(0, endpoint.InFlight));
        Assert.Null(server.Failure);
        // The one in use; the next may be on its way.
        Assert.InRange(server.Open, 0, 4);
        return answered;
    }

    // How a call ends: any status will do, as long as it is one.
    private static async Task<StatusCode> CallAsync(Echo.EchoClient client, Plan plan)
    {
        var options = new CallOptions(deadline: DateTime.UtcNow + plan.Deadline);
        var request = new EchoRequest { Text = "fuzz" };
        try
        {
            switch (plan.Kind)
            {
                case 0:
                    await client.SayAsync(request, options);
                    break;
                case 1:
                    using (var count = client.Count(request, options)) await ReadAsync(count.ResponseStream);
                    break;
                case 2:
                    using (var gather = client.Gather(options))
                    {
                        await WriteAsync(gather.RequestStream, request);
                        await gather;
                    }
                    break;
                default:
                    using (var chat = client.Chat(options))
                    {
                        await WriteAsync(chat.RequestStream, request);
                        await ReadAsync(chat.ResponseStream);
                    }
                    break;
            }
            return StatusCode.OK;
        }
        catch (RpcException exception)
        {
            return exception.StatusCode;
        }
    }

    // An answer may come before the request is out; the call's end says how.
    private static async Task WriteAsync(IClientStreamWriter<EchoRequest> requests, EchoRequest request)
    {
        try
        {
            await requests.WriteAsync(request);
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException)
        {
            return;
        }
        await requests.CompleteAsync();
    }

    private static async Task ReadAsync(IAsyncStreamReader<EchoResponse> responses)
    {
        while (await responses.MoveNext(CancellationToken.None)) { }
    }

    private abstract class Plan
    {
        public int Kind { get; protected init; }

        public Then Then { get; protected init; } = Then.Wait;

        public TimeSpan Deadline { get; protected init; } = s_deadline;

        public abstract byte[] Answer(int stream);
    }

    private sealed class Control : Plan
    {
        public override byte[] Answer(int stream) => Frame.Join(Traffic.Answer(stream, Mutator.Framed(0, new EchoResponse { Text = "control" }.ToByteArray())));
    }

    private sealed class Broken : Plan
    {
        private readonly int _seed;
        private readonly Mutator.Level _level;

        public Broken(int seed)
        {
            _seed = seed;
            var mutator = new Mutator(seed);
            (Kind, _level) = (mutator.Random.Next(4), mutator.NextLevel());
            Then = mutator.Random.Next(200) == 0 ? Then.Wait : mutator.Random.Next(30) == 0 ? Then.Close : Then.Reset;
            if (Then == Then.Wait) Deadline = s_shortDeadline;
            // After a head that promises more than comes a reset would only be taken for what is missing. And a server whose settings
            // allow no calls or no headers keeps all calls behind this one waiting, rightly.
            var hasSettings = false;
            var isWhole = Frame.TryScan(Answer(1), (type, _) => hasSettings |= type == Frame.Settings);
            if (hasSettings || (Then == Then.Reset && !isWhole)) Then = Then.Close;
        }

        public override byte[] Answer(int stream) => new Mutator(_seed).Response(stream, _level);
    }
}
