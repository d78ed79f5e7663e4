using System.Buffers;

namespace FeedMall.KvStore.Network;

/// <summary>
/// What is to be sent to a client that has subscribed: its replies and what others publish, in the order in which they came about under the data lock.
/// Others only add to it and go on; at any time at most one task sends, and it goes on as long as there is something. The limit is what keeps a client
/// that does not read from filling the memory: over it the connection is closed.
/// </summary>
internal sealed class Outbox(Client client, Func<ReadOnlyMemory<byte>, ValueTask> send, long maxBytes)
{
    private const int KeptBytes = 64 * 1024;

    private readonly Lock _lock = new(); // guards everything below
    private ArrayBufferWriter<byte> _filling = new();
    private ArrayBufferWriter<byte> _sending = new();
    private TaskCompletionSource _whenSent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isSending, _hasFailed;

    /// <summary>Bytes of its buffers. Without the lock it may be a moment old.</summary>
    public long Bytes => _filling.Capacity + _sending.Capacity;

    /// <summary>Adds bytes; under the data lock.</summary>
    /// <returns>False when too many wait: the connection is closed.</returns>
    public bool Add(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (_hasFailed) return true;
            if ((long)_filling.WrittenCount + _sending.WrittenCount + bytes.Length <= maxBytes)
            {
                _filling.Write(bytes);
                return true;
            }
        }
        client.Abort();
        return false;
    }

    /// <summary>Sees to it that what waits is sent, whether the caller waits for that or not.</summary>
    /// <returns>Done when what waits now has been sent.</returns>
    public Task FlushAsync()
    {
        Task whenSent;
        lock (_lock)
        {
            if (_hasFailed || _filling.WrittenCount == 0) return Task.CompletedTask;
            whenSent = _whenSent.Task;
            if (_isSending) return whenSent;
            _isSending = true;
        }
        _ = SendAllAsync();
        return whenSent;
    }

    // Ends when nothing is left.
    private async Task SendAllAsync()
    {
        while (TryTake(out var whenSent))
        {
            try
            {
                await send(_sending.WrittenMemory);
            }
            catch (Exception gone) when (gone is System.Net.Sockets.SocketException or IOException or ObjectDisposedException)
            {
                Fail();
                whenSent.SetResult();
                return;
            }
            lock (_lock)
            {
                if (_sending.Capacity > KeptBytes) _sending = new ArrayBufferWriter<byte>();
                else _sending.ResetWrittenCount();
            }
            whenSent.SetResult();
        }
    }

    // The connection is at its end. Whoever waits goes on, and finds that out.
    private void Fail()
    {
        client.Abort();
        lock (_lock)
        {
            _hasFailed = true;
            _whenSent.SetResult();
        }
    }

    private bool TryTake(out TaskCompletionSource whenSent)
    {
        lock (_lock)
        {
            whenSent = _whenSent;
            _isSending = _filling.WrittenCount > 0;
            if (!_isSending) return false;
            (_filling, _sending) = (_sending, _filling);
            _whenSent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return true;
        }
    }
}
