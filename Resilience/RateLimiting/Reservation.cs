namespace FeedMall.Resilience.RateLimiting;

/// <summary>Tokens that are taken, to be used after a wait.</summary>
public sealed class Reservation
{
    private readonly int _tokens;
    private readonly long _end;
    private BucketState? _state;

    internal Reservation(BucketState? state, int tokens, long end, TimeSpan wait)
    {
        (_state, _tokens, _end) = (state, tokens, end);
        Wait = wait;
    }

    /// <summary>From the moment of the reservation.</summary>
    public TimeSpan Wait { get; }

    /// <summary>
    /// Gives the tokens back, once; again does nothing. What others have reserved behind them is not given back, and nothing after the options were
    /// changed: they keep their place in time.
    /// </summary>
    public void Cancel() => Interlocked.Exchange(ref _state, null)?.GiveBack(_tokens, _end);

    /// <summary>Waits its time out, or cancels it.</summary>
    internal async Task WaitAsync(TimeProvider clock, CancellationToken cancellation)
    {
        var startedAt = clock.GetTimestamp();
        try
        {
            // A timer knows whole milliseconds and may be a little early.
            for (var left = Wait; left > TimeSpan.Zero; left = Wait - clock.GetElapsedTime(startedAt))
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)), clock, cancellation);
        }
        catch (OperationCanceledException)
        {
            Cancel();
            throw;
        }
    }
}
