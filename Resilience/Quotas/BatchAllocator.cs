namespace FeedMall.Resilience.Quotas;

/// <summary>
/// The simpler way to share a quota: whoever comes first gets a batch of the present window's tokens while there are any. Exact about what it hands out, not about
/// fairness: small users lose the race. (ALGORITHMS §6.2 scheme 1.)
/// </summary>
/// <remarks>
/// Never hands out more than limit × window in a window. What is granted at its end may be spent in the next: all nodes together pass at most
/// limit + Σ outstanding batches in a second, which is 1.1 × limit with batches of 10 % of limit × window / nodes. And as any fixed window: up to twice the
/// limit in a stretch of time that is as long as the window but lies across two. Thread safe.
/// </remarks>
public sealed class BatchAllocator
{
    // Guards _window and _used.
    private readonly Lock _gate = new();
    private readonly long _perWindow;
    private readonly long _windowTicks;
    private readonly TimeProvider _clock;
    private long _window;
    private long _used;

    /// <summary>A limit of so many tokens in each window.</summary>
    /// <param name="window">10 ms to 1 h.</param>
    public BatchAllocator(long tokensPerWindow, TimeSpan window, TimeProvider clock)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokensPerWindow);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, TimeSpan.FromMilliseconds(10));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(window, TimeSpan.FromHours(1));
        (_perWindow, _windowTicks, _clock) = (tokensPerWindow, window.Ticks, clock);
    }

    /// <summary>Grants the batch, or the part of it that is left in this window.</summary>
    public long Take(long batch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(batch);
        var window = _clock.GetElapsedTime(0, _clock.GetTimestamp()).Ticks / _windowTicks;
        lock (_gate)
        {
            if (window > _window) (_window, _used) = (window, 0);
            var granted = Math.Min(batch, _perWindow - _used);
            _used += granted;
            return granted;
        }
    }
}
