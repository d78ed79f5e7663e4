using System.Buffers;
using System.Runtime.CompilerServices;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>Reads messages from a stream into one rented array, which holds at most one message and what arrived with it.</summary>
internal sealed class StreamMessageReader(Stream stream, int maxBytes) : MessageDecoder(maxBytes), IDisposable
{
    private const int FirstBytes = 4 * 1024;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private int _start;
    private int _end;
    private int _length;

    /// <summary>Whether a whole message is here.</summary>
    /// <exception cref="RpcException">INTERNAL for a malformed prefix, RESOURCE_EXHAUSTED for one over the limit.</exception>
    public bool HasMessage
    {
        get
        {
            if (_end - _start < PrefixBytes) return false;
            _length = ReadPrefix(_buffer.AsSpan(_start, PrefixBytes));
            return _end - _start >= PrefixBytes + _length;
        }
    }

    /// <summary>The next message, or null at a clean end.</summary>
    /// <exception cref="RpcException">INTERNAL for a malformed or cut-off message, RESOURCE_EXHAUSTED for one over the limit.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken) where T : class =>
        await WaitAsync(cancellationToken) ? Take(marshaller) : null;

    /// <summary>Waits until a whole message is here; false at a clean end. Apart from <see cref="Take"/>, because what does not know the message's type costs less.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        while (!HasMessage)
        {
            if (!Add(await ReceiveAsync(cancellationToken))) return false;
        }
        return true;
    }

    /// <summary>Reads what has arrived, or waits for it; <see cref="Add"/> takes its length.</summary>
    public ValueTask<int> ReceiveAsync(CancellationToken cancellationToken)
    {
        MakeRoom(PrefixBytes + (_end - _start >= PrefixBytes ? _length : 0));
        return stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
    }

    /// <summary>So many bytes more are here; none: false, the end.</summary>
    /// <exception cref="RpcException">INTERNAL: the last message is cut off.</exception>
    public bool Add(int received)
    {
        if (received == 0 && _start != _end) throw Malformed("The message is cut off.");
        _end += received;
        return received > 0;
    }

    /// <summary>The message that was waited for.</summary>
    public T Take<T>(Marshaller<T> marshaller)
    {
        var message = Decode(marshaller, new ReadOnlySequence<byte>(_buffer, _start + PrefixBytes, _length));
        _start += PrefixBytes + _length;
        return message;
    }

    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    // A prefix that promises much is believed only as far as bytes really arrive: the array doubles when it is full.
    private void MakeRoom(int wanted)
    {
        if (_start == _end) _start = _end = 0;
        if (_start + wanted <= _buffer.Length && _end < _buffer.Length) return;
        var target = _buffer;
        if (wanted > _buffer.Length && _end - _start == _buffer.Length) target = ArrayPool<byte>.Shared.Rent(Math.Min(wanted, _buffer.Length * 2));
        _buffer.AsSpan(_start, _end - _start).CopyTo(target);
        (_start, _end) = (0, _end - _start);
        if (target == _buffer) return;
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = target;
    }
}
