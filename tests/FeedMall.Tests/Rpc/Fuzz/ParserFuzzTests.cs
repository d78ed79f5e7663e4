using System.IO.Pipelines;
using FeedMall.Rpc.Wire;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>Broken bytes straight at the parsers: both readers of messages, and the readers of header values.</summary>
[Collection(FuzzCollection.Name)]
public sealed class ParserFuzzTests
{
    private const int Bodies = 150_000;
    private const int Texts = 200_000;
    private const int MostMessageBytes = 64 * 1024;
    private const long MayKeepBytes = 4 << 20;

    private static readonly Marshaller<EchoResponse> s_marshaller = Marshallers.Create<EchoResponse>(
        (_, _) => { }, context => EchoResponse.Parser.ParseFrom(context.PayloadAsReadOnlySequence()));

    [Fact]
    public async Task Both_readers_of_messages_come_to_the_same_end_with_a_hundred_and_fifty_thousand_broken_bodies()
    {
        using var watch = new Watch();
        await ReadAsync(0, Bodies / 20);
        var baseline = Watch.SettledBytes();
        await ReadAsync(Bodies / 20, Bodies);
        watch.AssertBack(baseline, MayKeepBytes);
    }

    [Fact]
    public void No_header_value_breaks_its_reader()
    {
        var mutator = new Mutator(FuzzCollection.Seed);
        for (var i = 0; i < Texts; i++)
        {
            var text = mutator.OddText();
            if (GrpcTimeout.TryDecode(text, out var timeout)) Assert.InRange(timeout, TimeSpan.Zero, GrpcTimeout.Max);
            Assert.True(PercentCoding.Decode(text).Length <= text.Length);
            Assert.Equal(text, PercentCoding.Decode(PercentCoding.Encode(text)));
            Assert.InRange(HeaderNames.ParseStatus(text), StatusCode.OK, StatusCode.Unauthenticated);
            _ = HeaderNames.IsGrpc(text);
            _ = Compression.AcceptsGzip(text);
            var metadata = new Metadata();
            MetadataCoding.Decode(metadata, "x-a", text);
            MetadataCoding.Decode(metadata, "x-a-bin", text);
            MetadataCoding.Decode(metadata, text, "1");
        }
    }

    private static async Task ReadAsync(int first, int end)
    {
        for (var i = first; i < end; i++)
        {
            var mutator = new Mutator(unchecked(FuzzCollection.Seed + i * 31));
            var isGzip = mutator.Random.Next(2) == 0;
            var body = mutator.Body(isBroken: mutator.Random.Next(8) != 0, isGzip);
            var cuts = mutator.Random.Next(1, body.Length + 2);
            var fromPipe = new MessageReader(PipeReader.Create(new PartedStream(body, cuts)), MostMessageBytes) { Encoding = isGzip ? "gzip" : null };
            using var fromStream = new StreamMessageReader(new PartedStream(body, cuts), MostMessageBytes) { Encoding = isGzip ? "gzip" : null };
            var one = await EndAsync(() => fromPipe.ReadAsync(s_marshaller, CancellationToken.None));
            var other = await EndAsync(() => fromStream.ReadAsync(s_marshaller, CancellationToken.None));
            Assert.True(one == other, $"seed {FuzzCollection.Seed}, body {i}, in parts of {cuts}: {Convert.ToHexString(body)}\n{one}\n{other}");
        }
    }

    // All that a reader gives, and how it ends. Anything but a status is a failure of the test.
    private static async Task<string> EndAsync(Func<ValueTask<EchoResponse?>> read)
    {
        var found = "";
        try
        {
            while (await read() is { } message) found += Convert.ToHexString(message.ToByteArray()) + ' ';
            return found + "end";
        }
        catch (RpcException exception)
        {
            Assert.True(exception.StatusCode is StatusCode.Internal or StatusCode.ResourceExhausted);
            return found + exception.Status;
        }
    }

    /// <summary>Gives at most so many bytes at once.</summary>
    private sealed class PartedStream(byte[] bytes, int atOnce) : MemoryStream(bytes, writable: false)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, atOnce)], cancellationToken);
    }
}
