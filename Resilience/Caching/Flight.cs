using System.Diagnostics;

namespace FeedMall.Resilience.Caching;

/// <summary>What a caller of <see cref="SingleFlight{TKey,TValue}"/> gets.</summary>
/// <param name="Value">The same object for all who waited: do not change it.</param>
/// <param name="Shared">This caller joined a flight that another one had begun.</param>
public readonly record struct FlightResult<TValue>(TValue Value, bool Shared);

/// <summary>One load of one key, as the loader sees it.</summary>
public abstract class Flight<TKey>
{
    private volatile bool _isForgotten;

    private protected Flight(TKey key) => Key = key;

    /// <summary>What is loaded.</summary>
    public TKey Key { get; }

    /// <summary>Fires when all who waited are gone, or when the time limit has passed. No caller's own token.</summary>
    public abstract CancellationToken Cancellation { get; }

    /// <summary>
    /// False once the key was forgotten or the flight was given up: what it brings may be older than a write that came after its beginning, so it must
    /// not fill a cache any more. Ask right before filling.
    /// </summary>
    public bool IsCurrent => !_isForgotten;

    internal void Forget() => _isForgotten = true;
}

/// <summary>
/// A flight with those who wait for it. <see cref="Waiters"/>, <see cref="HasLanded"/> and <see cref="Extend"/> belong to the lock of the
/// <see cref="SingleFlight{TKey,TValue}"/>.
/// </summary>
#pragma warning disable CA1001 // The end of the load disposes the token source; nobody outside knows when that is.
internal sealed class Flight<TKey, TValue> : Flight<TKey>, IThreadPoolWorkItem where TKey : notnull
#pragma warning restore CA1001
{
    private readonly TaskCompletionSource<TValue> _landing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SingleFlight<TKey, TValue> _owner;
    private readonly Func<Flight<TKey>, Task<TValue>> _load;
    private readonly CancellationTokenSource _cancellation;
    private readonly TimeProvider _clock;
    private readonly long _startedAt;
    // Of the caller who began it, so that the trace shows whose request loaded.
    private readonly Activity? _activity = Activity.Current;
    private TimeSpan _limit;

    public Flight(TKey key, SingleFlight<TKey, TValue> owner, Func<Flight<TKey>, Task<TValue>> load, TimeSpan limit, TimeProvider clock) : base(key)
    {
        (_owner, _load, _limit, _clock, _startedAt) = (owner, load, limit, clock, clock.GetTimestamp());
        _cancellation = new CancellationTokenSource(limit, clock);
        Cancellation = _cancellation.Token;
    }

    public override CancellationToken Cancellation { get; }

    public Task<TValue> Landing => _landing.Task;

    public int Waiters { get; set; } = 1;

    /// <summary>It brought something, failed, or was given up.</summary>
    public bool HasLanded { get; set; }

    public TimeSpan Age => _clock.GetElapsedTime(_startedAt);

    /// <summary>Lets the flight take so long from now on, if that is longer than it may already.</summary>
    public void Extend(TimeSpan timeLeft, TimeSpan most)
    {
        var age = Age;
        var asked = age + timeLeft < most ? age + timeLeft : most;
        if (asked <= _limit) return;
        _limit = asked;
        _cancellation.CancelAfter(asked - age);
    }

    /// <summary>Runs on a pool thread without any caller's asynchronous context, because that holds the deadline and the identity of one of them.</summary>
    public void Execute() => _ = FlyAsync();

    /// <summary>Cancels the load, because nobody waits any more.</summary>
    public void Cancel()
    {
        try
        {
            _cancellation.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The load has ended meanwhile.
        }
    }

    private async Task FlyAsync()
    {
        Activity.Current = _activity;
        try
        {
            // A loader that ignores its token keeps nobody waiting.
            await using var late = Cancellation.UnsafeRegister(static flight => ((Flight<TKey, TValue>)flight!).GiveUp(), this);
            var value = await _load(this);
            _owner.Land(this, Ending.Arrived);
            _landing.TrySetResult(value);
        }
        catch (Exception) when (Cancellation.IsCancellationRequested)
        {
            GiveUp();
        }
        catch (Exception e) // Whatever it is, it belongs to those who wait.
        {
            _owner.Land(this, Ending.Failed);
            Fail(e);
        }
        finally
        {
            _cancellation.Dispose();
            _owner.LoadEnded();
        }
    }

    private void GiveUp()
    {
        _owner.Land(this, Ending.TimedOut);
        Fail(new TimeoutException($"the load took longer than {_limit}"));
    }

    private void Fail(Exception e)
    {
        // All who waited may be gone, and then nobody looks at it: that is nothing to report.
        if (_landing.TrySetException(e)) _ = _landing.Task.Exception;
    }
}

/// <summary>How a flight ended.</summary>
internal enum Ending { Arrived, Failed, TimedOut }
