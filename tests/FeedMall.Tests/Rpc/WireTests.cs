using System.Buffers;
using System.IO.Pipelines;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Rpc;

public sealed class WireTests
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create<byte[]>(
        (message, context) => context.Complete(message), context => context.PayloadAsNewBuffer());

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private sealed record Timeout(string Text, long Nanoseconds);

    private sealed record Timeouts(Timeout[] Written, Timeout[] Read, int CutToDays, string[] Cut, string[] Invalid);

    private static readonly Timeouts s_timeouts = Resilience.Vectors.Read<Timeouts>("grpc-timeout");

    [Fact]
    public void A_timeout_is_written_in_the_smallest_unit_that_fits_and_rounded_up() =>
        Assert.All(s_timeouts.Written, row => Assert.Equal(row.Text, GrpcTimeout.Encode(row.Nanoseconds)));

    [Fact]
    public void Every_legal_timeout_is_read() => Assert.All(s_timeouts.Read, row =>
    {
        Assert.True(GrpcTimeout.TryDecode(row.Text, out var timeout));
        // A part of a tick counts as one.
        Assert.Equal((row.Nanoseconds + 99) / 100, timeout.Ticks);
    });

    [Fact]
    public void A_timeout_of_centuries_is_cut_to_thirty_days() => Assert.All(s_timeouts.Cut, text =>
    {
        Assert.True(GrpcTimeout.TryDecode(text, out var timeout));
        Assert.Equal(TimeSpan.FromDays(s_timeouts.CutToDays), timeout);
    });

    [Fact]
    public void An_illegal_timeout_is_not_read() =>
        Assert.All((string?[])[.. s_timeouts.Invalid, "\u0661S", null], text => Assert.False(GrpcTimeout.TryDecode(text, out _)));

    [Theory]
    [InlineData("100%", "100%25")]
    [InlineData("a\nb", "a%0Ab")]
    [InlineData("é", "%C3%A9")]
    [InlineData("%41", "%2541")]
    [InlineData("plain text ~", "plain text ~")]
    [InlineData(
        "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
        "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A")]
    public void A_message_survives_percent_encoding(string text, string encoded)
    {
        Assert.Equal(encoded, PercentCoding.Encode(text));
        Assert.Equal(text, PercentCoding.Decode(encoded));
    }

    [Theory]
    [InlineData("%", "%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz", "%zz")]
    [InlineData("%ff", "\uFFFD")]
    [InlineData("a%20b", "a b")]
    [InlineData("%E2%98%ba☺", "☺☺")]
    [InlineData("😈%41", "😈A")]
    public void Decoding_a_message_never_fails(string encoded, string text) => Assert.Equal(text, PercentCoding.Decode(encoded));

    [Fact]
    public void A_lone_surrogate_is_encoded_as_the_replacement_character() => Assert.Equal("%EF%BF%BD", PercentCoding.Encode("\uD83D"));

    [Theory]
    [InlineData("q6ur", new byte[] { 0xAB, 0xAB, 0xAB })]
    [InlineData("AQ", new byte[] { 1 })]
    [InlineData("AQ==", new byte[] { 1 })]
    public void A_binary_entry_is_read_with_and_without_padding(string text, byte[] bytes)
    {
        var metadata = new Metadata();
        MetadataCoding.Decode(metadata, "x-a-bin", text);
        Assert.Equal(bytes, metadata.GetValueBytes("x-a-bin")!);
        Assert.Equal(text.TrimEnd('='), MetadataCoding.Encode(metadata[0]));
    }

    [Fact]
    public void Binary_values_in_one_line_are_parted_by_commas_and_broken_ones_left_out()
    {
        var metadata = new Metadata();
        MetadataCoding.Decode(metadata, "x-a-bin", "AQ, q6ur,*,A,AQ===");
        Assert.Equal([[1], [0xAB, 0xAB, 0xAB]], metadata.GetAll("x-a-bin").Select(entry => entry.ValueBytes));
    }

    [Theory]
    [InlineData("grpc-timeout")]
    [InlineData("GRPC-Encoding")]
    [InlineData(":path")]
    [InlineData("te")]
    [InlineData("content-type")]
    [InlineData("x!y")]
    public void The_protocols_own_headers_and_odd_names_are_no_metadata(string name)
    {
        var metadata = new Metadata();
        MetadataCoding.Decode(metadata, name, "1");
        Assert.Empty(metadata);
    }

    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("Application/GRPC;charset=utf-8", true)]
    [InlineData("application/grpcfoo", false)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/json", false)]
    [InlineData(null, false)]
    public void The_content_type_is_ours_only_up_to_its_next_character(string? contentType, bool isOurs) =>
        Assert.Equal(isOurs, HeaderNames.IsGrpc(contentType));

    [Theory]
    [InlineData(0, 200, 0)]
    [InlineData(1, 499, 1)]
    [InlineData(2, 500, 13)]
    [InlineData(3, 400, 3)]
    [InlineData(4, 504, 4)]
    [InlineData(5, 404, 5)]
    [InlineData(6, 409, 10)]
    [InlineData(7, 403, 7)]
    [InlineData(8, 429, 8)]
    [InlineData(9, 412, 9)]
    [InlineData(10, 409, 10)]
    [InlineData(11, 400, 3)]
    [InlineData(12, 501, 12)]
    [InlineData(13, 500, 13)]
    [InlineData(14, 503, 14)]
    [InlineData(15, 500, 13)]
    [InlineData(16, 401, 16)]
    public void Each_status_has_its_HTTP_status_and_a_way_back(int code, int http, int back)
    {
        Assert.Equal(http, StatusTables.ToHttp((StatusCode)code));
        Assert.Equal((StatusCode)back, StatusTables.FromHttp(http));
    }

    [Theory]
    [InlineData(400, 13)]
    [InlineData(401, 16)]
    [InlineData(403, 7)]
    [InlineData(404, 12)]
    [InlineData(429, 14)]
    [InlineData(431, 13)]
    [InlineData(502, 14)]
    [InlineData(503, 14)]
    [InlineData(504, 14)]
    [InlineData(200, 2)]
    [InlineData(500, 2)]
    [InlineData(302, 2)]
    public void An_answer_of_something_that_speaks_only_HTTP_has_its_own_table(int http, int code) =>
        Assert.Equal((StatusCode)code, StatusTables.FromForeignHttp(http));

    [Fact]
    public void The_details_of_an_error_have_the_bytes_that_others_expect()
    {
        const string Expected = "CAUSEHVzZXIgMSBub3QgZm91bmQaUwoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLkVycm9ySW5mbxInCg5VU0VSX05PVF9GT1VORBIMdXNlci5leGFtcGxlGgcKAmlkEgEx";
        var error = RpcErrors.Create(
            StatusCode.NotFound, "USER_NOT_FOUND", "user 1 not found", "user.example", new Dictionary<string, string> { ["id"] = "1" });
        var entry = error.Trailers.Get("grpc-status-details-bin")!;
        Assert.Equal(105, entry.ValueBytes.Length);
        Assert.Equal(Expected, MetadataCoding.Encode(entry));
        Assert.Equal(("USER_NOT_FOUND", "1"), (error.FindErrorInfo()!.Reason, error.FindErrorInfo()!.Metadata["id"]));
    }

    [Fact]
    public void Details_that_cannot_be_read_do_not_hide_the_error()
    {
        var error = new RpcException(new Status(StatusCode.NotFound, "x"), new Metadata { { "grpc-status-details-bin", [0xFF, 0xFF] } });
        Assert.Null(error.FindErrorInfo());
    }

    [Fact]
    public void A_retry_delay_has_the_bytes_that_others_expect() => Assert.Equal(
        "0a0808021080cab5ee01",
        Convert.ToHexStringLower(new Google.Rpc.RetryInfo { RetryDelay = new() { Seconds = 2, Nanos = 500_000_000 } }.ToByteArray()));

    [Theory]
    [InlineData("0a03616263", "00000000050a03616263")]
    [InlineData("", "0000000000")]
    public void A_message_is_framed_by_flag_and_length(string message, string frame)
    {
        var output = new ArrayBufferWriter<byte>();
        new MessageWriter(null).Write(output, Bytes, Convert.FromHexString(message));
        Assert.Equal(frame, Convert.ToHexStringLower(output.WrittenSpan));
    }

    [Fact]
    public async Task Messages_are_found_however_the_bytes_are_cut()
    {
        var output = new ArrayBufferWriter<byte>();
        byte[][] messages = [[1, 2, 3], [], [4], [5, 6, 7, 8, 9, 10]];
        foreach (var message in messages) new MessageWriter(null).Write(output, Bytes, message);
        var stream = output.WrittenMemory.ToArray();
        for (var first = 0; first <= stream.Length; first++)
        {
            for (var second = first; second <= stream.Length; second++)
                Assert.Equal(messages, await ReadAllAsync([stream[..first], stream[first..second], stream[second..]]));
        }
        Assert.Equal(messages, await ReadAllAsync([.. stream.Select(b => new[] { b })]));
    }

    [Theory]
    [InlineData("00", StatusCode.Internal)]
    [InlineData("00000000", StatusCode.Internal)]
    [InlineData("0000000002aa", StatusCode.Internal)]
    [InlineData("0100000000", StatusCode.Internal)]
    [InlineData("0200000000", StatusCode.Internal)]
    [InlineData("00ffffffff", StatusCode.ResourceExhausted)]
    [InlineData("0080000000", StatusCode.ResourceExhausted)]
    [InlineData("0000000065", StatusCode.ResourceExhausted)]
    public async Task A_broken_frame_has_its_status(string bytes, StatusCode code)
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => ReadAllAsync([Convert.FromHexString(bytes)]));
        Assert.Equal(code, error.StatusCode);
    }

    [Fact]
    public async Task A_frame_that_is_too_long_is_refused_before_its_payload_arrives()
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(Convert.FromHexString("00ffffffff"), Token);
        var reader = new MessageReader(pipe.Reader, 100);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await reader.ReadAsync(Bytes, Token));
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
    }

    [Fact]
    public async Task A_payload_that_is_no_message_is_an_internal_error()
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(Convert.FromHexString("0000000001ff"), Token);
        var marshaller = Marshallers.Create<EchoRequest>(
            (_, _) => { }, context => EchoRequest.Parser.ParseFrom(context.PayloadAsReadOnlySequence()));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await new MessageReader(pipe.Reader, 100).ReadAsync(marshaller, Token));
        Assert.Equal(StatusCode.Internal, error.StatusCode);
    }

    [Fact]
    public void A_compressed_message_that_lacks_its_end_is_an_internal_error()
    {
        using var whole = new PooledBuffer(256);
        Compression.Compress(System.Text.Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 500))), whole);
        for (var length = 1; length < whole.Length; length++)
        {
            var cut = new ReadOnlySequence<byte>(whole.Written[..length]);
            Assert.Equal(StatusCode.Internal, Assert.Throws<RpcException>(() => Compression.Decompress(cut, 100_000)).StatusCode);
        }
        using var plain = Compression.Decompress(new ReadOnlySequence<byte>(whole.Written), 100_000);
        Assert.Equal(1390, plain.Length);
    }

    [Fact]
    public void An_empty_message_is_sent_uncompressed_as_its_gzip_form_would_be_none()
    {
        var output = new ArrayBufferWriter<byte>();
        new MessageWriter(null).Write(output, Bytes, [], compress: true);
        Assert.Equal("0000000000", Convert.ToHexStringLower(output.WrittenSpan));
    }

    [Fact]
    public async Task A_caller_that_is_lost_while_its_bytes_are_given_back_is_no_error_of_ours()
    {
        var reader = new MessageReader(new LostPipeReader(), 100);
        await Assert.ThrowsAsync<LostCallerException>(async () => await reader.ReadAsync(Bytes, Token));
    }

    private static async Task<byte[][]> ReadAllAsync(byte[][] parts)
    {
        var reader = new MessageReader(PipeReader.Create(new PartedStream(parts)), 100);
        var messages = new List<byte[]>();
        while (await reader.ReadAsync(Bytes, Token) is { } message) messages.Add(message);
        return [.. messages];
    }

    /// <summary>Gives each part in a read of its own.</summary>
    private sealed class PartedStream(byte[][] parts) : MemoryStream
    {
        private int _next;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (_next < parts.Length && parts[_next].Length == 0) _next++;
            if (_next == parts.Length) return new(0);
            var part = parts[_next++];
            part.CopyTo(buffer);
            return new(part.Length);
        }
    }

    /// <summary>Has a message, and notices at its end that the connection is gone, as Kestrel may.</summary>
    private sealed class LostPipeReader : PipeReader
    {
        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            new(new ReadResult(new ReadOnlySequence<byte>(new byte[5]), isCanceled: false, isCompleted: false));

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => throw new IOException("The request stream was aborted.");

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();

        public override void CancelPendingRead() { }

        public override void Complete(Exception? exception = null) { }
    }
}
