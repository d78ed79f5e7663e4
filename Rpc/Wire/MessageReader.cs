using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>Reads messages from a pipe, in place. Where the bytes are cut into frames does not matter.</summary>
internal sealed class MessageReader(PipeReader pipe, int maxBytes) : MessageDecoder(maxBytes)
{
    private bool _isAtEnd;

    /// <summary>The next message, or null at a clean end.</summary>
    /// <exception cref="RpcException">INTERNAL for a malformed or cut-off message, RESOURCE_EXHAUSTED for one over the limit.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken) where T : class
    {
        while (!_isAtEnd)
        {
            ReadResult result;
            try
            {
                result = await pipe.ReadAsync(cancellationToken);
            }
            catch (IOException exception)
            {
                // A peer that resets its stream is seen here by whoever reads, sooner or later than the abort of the request. Only
                // reading does that: an IOException of the method itself is a defect of ours.
                throw new LostCallerException(exception);
            }
            if (result.IsCanceled) throw new OperationCanceledException(cancellationToken);
            var buffer = result.Buffer;
            if (TryFindPayload(buffer, out var payload))
            {
                var message = Decode(marshaller, payload);
                _isAtEnd = result.IsCompleted && buffer.End.Equals(payload.End);
                Advance(payload.End, payload.End);
                return message;
            }
            if (result.IsCompleted)
            {
                if (buffer.IsEmpty) return null;
                throw Malformed("The message is cut off.");
            }
            Advance(buffer.Start, buffer.End);
        }
        return null;
    }

    // Kestrel tells of a lost caller here too: giving back what was read can be the first that notices.
    private void Advance(SequencePosition consumed, SequencePosition examined)
    {
        try
        {
            pipe.AdvanceTo(consumed, examined);
        }
        catch (IOException exception)
        {
            throw new LostCallerException(exception);
        }
    }

    /// <summary>Lets a read that waits, or else the next one, fail.</summary>
    public void CancelPendingRead() => pipe.CancelPendingRead();

    private bool TryFindPayload(ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload)
    {
        payload = default;
        if (buffer.Length < PrefixBytes) return false;
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        buffer.Slice(0, PrefixBytes).CopyTo(prefix);
        var length = ReadPrefix(prefix);
        if (buffer.Length < PrefixBytes + length) return false;
        payload = buffer.Slice(PrefixBytes, length);
        return true;
    }
}
