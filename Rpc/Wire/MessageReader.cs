using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>Reads messages from a pipe, in place. Where the bytes are cut into frames does not matter.</summary>
internal sealed class MessageReader(PipeReader pipe, int maxBytes) : MessageDecoder(maxBytes)
{
    private PipeReader _pipe = pipe;
    private bool _isAtEnd;
    private ReadOnlySequence<byte> _single;

    /// <summary>From now on it reads what comes from there, as if it were new.</summary>
    public void Restart(PipeReader pipe) => (_pipe, _isAtEnd, Encoding) = (pipe, false, null);

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
                result = await _pipe.ReadAsync(cancellationToken);
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

    /// <summary>
    /// Waits until the one message of a call has arrived, and the end behind it; <see cref="TakeSingle"/> then gives it. Apart from each other,
    /// because what does not know the message's type costs less to wait in.
    /// </summary>
    /// <exception cref="RpcException">UNIMPLEMENTED for none or more than one; otherwise as above.</exception>
    public ValueTask WaitForSingleAsync() => IsSingleHere() ? ValueTask.CompletedTask : WaitForRestAsync();

    // Small requests mostly arrive with their headers.
    private bool IsSingleHere()
    {
        ReadResult result;
        try
        {
            if (!_pipe.TryRead(out result)) return false;
        }
        catch (IOException exception)
        {
            throw new LostCallerException(exception);
        }
        return TryFindSingle(result);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitForRestAsync()
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _pipe.ReadAsync(CancellationToken.None);
            }
            catch (IOException exception)
            {
                throw new LostCallerException(exception);
            }
            if (TryFindSingle(result)) return;
        }
    }

    private bool TryFindSingle(ReadResult result)
    {
        if (result.IsCanceled) throw new OperationCanceledException();
        var buffer = result.Buffer;
        var rest = buffer;
        if (TryFindPayload(buffer, out _single))
        {
            if (result.IsCompleted && buffer.Length == PrefixBytes + _single.Length) return true;
            rest = buffer.Slice(_single.End);
            if (TryFindPayload(rest, out _)) throw Unfit("The request has more than one message; this method takes one.");
        }
        if (result.IsCompleted) throw rest.IsEmpty ? Unfit("The request has no message; this method takes one.") : Malformed("The message is cut off.");
        Advance(buffer.Start, buffer.End);
        return false;
    }

    /// <summary>The message that was waited for.</summary>
    public T TakeSingle<T>(Marshaller<T> marshaller)
    {
        var (payload, end) = (_single, _single.End);
        _single = default;
        var message = Decode(marshaller, payload);
        Advance(end, end);
        return message;
    }

    private static RpcException Unfit(string what) => new(new Status(StatusCode.Unimplemented, what));

    // Kestrel tells of a lost caller here too: giving back what was read can be the first that notices.
    private void Advance(SequencePosition consumed, SequencePosition examined)
    {
        try
        {
            _pipe.AdvanceTo(consumed, examined);
        }
        catch (IOException exception)
        {
            throw new LostCallerException(exception);
        }
    }

    /// <summary>Lets a read that waits, or else the next one, fail.</summary>
    public void CancelPendingRead() => _pipe.CancelPendingRead();

    private bool TryFindPayload(in ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload)
    {
        payload = default;
        if (buffer.Length < PrefixBytes) return false;
        var first = buffer.FirstSpan;
        Span<byte> gathered = stackalloc byte[PrefixBytes];
        // The prefix is nearly always in one piece.
        if (first.Length < PrefixBytes) buffer.Slice(0, PrefixBytes).CopyTo(gathered);
        var length = ReadPrefix(first.Length < PrefixBytes ? gathered : first);
        if (buffer.Length < PrefixBytes + length) return false;
        payload = buffer.Slice(PrefixBytes, length);
        return true;
    }
}
