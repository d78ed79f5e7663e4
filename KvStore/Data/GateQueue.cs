namespace FeedMall.KvStore.Data;

/// <summary>A lock that knows who waits for it, so that background work can let them in between two slices, and how long they waited.</summary>
internal sealed class GateQueue
{
    private readonly Lock _lock = new();
    private int _waiting;

    /// <summary>Takes the lock.</summary>
    /// <returns>Whether it had to wait.</returns>
    public bool Enter()
    {
        if (_lock.TryEnter()) return false;
        Interlocked.Increment(ref _waiting);
        _lock.Enter();
        Interlocked.Decrement(ref _waiting);
        return true;
    }

    /// <summary>Gives it back.</summary>
    public void Exit() => _lock.Exit();

    /// <summary>Whether somebody waits for it.</summary>
    public bool IsWanted => Volatile.Read(ref _waiting) > 0;

    /// <summary>Lets those who wait have it first, for a little while at most.</summary>
    public void LetOthersIn()
    {
        var wait = new SpinWait();
        while (IsWanted && wait.Count < 100) wait.SpinOnce(sleep1Threshold: -1);
    }
}
