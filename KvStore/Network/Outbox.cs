using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Network;

/// <summary>
/// What is to be sent to a client that has subscribed: its replies and what others publish, in the order in which they came about under the data lock.
/// Others only add to it and go on; at any time at most one task sends, and it goes on as long as there is something. The limit is what keeps a client
/// that does not read from filling the memory: over it the connection is closed.
/// </summary>
internal sealed class Outbox(Client client, Func<ReadOnlyMemory<byte>, ValueTask> send, long maxBytes) : IDisposable
{
    private readonly Lock _lock = new(); // guards everything below
    // Both have a buffer only while something is in them.
    private ReplyWriter _filling = new();
    private ReplyWriter _sending = new();
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
            if ((long)_filling.Length + _sending.Length + bytes.Length <= maxBytes)
            {
                _filling.Raw(bytes);
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
            if (_hasFailed || _filling.Length == 0) return Task.CompletedTask;
            whenSent = _whenSent.Task;
            if (_isSending) return whenSent;
            _isSending = true;
        }
        _ = SendAllAsync();
        return whenSent;
    }

    /// <summary>Nothing more is taken; what is being sent keeps its buffer until then.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _hasFailed = true;
            _filling.Dispose();
            if (!_isSending) _sending.Dispose();
        }
    }

    // Ends when nothing is left.
    private async Task SendAllAsync()
    {
        while (TryTake(out var whenSent))
        {
            try
            {
                await send(_sending.Written);
            }
            catch (Exception gone) when (gone is System.Net.Sockets.SocketException or IOException or ObjectDisposedException)
            {
                Fail();
                whenSent.SetResult();
                return;
            }
            lock (_lock) _sending.Dispose();
            whenSent.SetResult();
        }
    }

    // The connection is at its end. Whoever waits goes on, and finds that out.
    private void Fail()
    {
        client.Abort();
        lock (_lock)
        {
            (_hasFailed, _isSending) = (true, false);
            _whenSent.SetResult();
        }
        Dispose();
    }

    private bool TryTake(out TaskCompletionSource whenSent)
    {
        lock (_lock)
        {
            whenSent = _whenSent;
            _isSending = _filling.Length > 0;
            if (!_isSending) return false;
            (_filling, _sending) = (_sending, _filling);
            _whenSent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return true;
        }
    }
}
