namespace FeedMall.Resilience.Caching;

/// <summary>What a <see cref="SingleFlight{TKey,TValue}"/> has done.</summary>
/// <param name="Running">Loads that run now, those that nobody waits for any more included.</param>
/// <param name="Begun">Flights that were begun.</param>
/// <param name="Joined">Callers who joined one.</param>
/// <param name="Failed">Flights whose loader threw.</param>
/// <param name="TimedOut">Flights that reached their time limit.</param>
/// <param name="Abandoned">Flights that were cancelled because all who waited were gone.</param>
/// <param name="Refused">Callers who were refused, because too many loads ran.</param>
public readonly record struct SingleFlightSnapshot(int Running, long Begun, long Joined, long Failed, long TimedOut, long Abandoned, long Refused);

/// <summary>
/// Lets one load of a key run at a time: whoever asks meanwhile waits for the same one. (ALGORITHMS §10.1.)
/// </summary>
/// <remarks>
/// <para>The flight belongs to nobody: a caller who gives up ends its own wait only, and the load is cancelled when the last one has gone or the time
/// limit has passed. It runs in no caller's asynchronous context. An exception goes to all who wait, and is not kept.</para>
/// <para>The key must include everything that changes the answer (user, language, encoding, degraded or not), and the value must not be changed by
/// those who share it.</para>
/// </remarks>
public sealed class SingleFlight<TKey, TValue> where TKey : notnull
{
    // Guards everything below it, and is never held while a loader, a continuation or a cancellation runs.
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Flight<TKey, TValue>> _flights = [];
    private readonly TimeProvider _clock;
    private SingleFlightOptions _options;
    private int _running;
    private long _begun, _joined, _failed, _timedOut, _abandoned, _refused;

    /// <summary>Without flights. Checks the options.</summary>
    public SingleFlight(SingleFlightOptions options, TimeProvider clock)
    {
        options.Check();
        _options = options;
        _clock = clock;
    }

    /// <summary>Setting checks, and counts for flights that begin and callers who join from then on.</summary>
    public SingleFlightOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            Volatile.Write(ref _options, value);
        }
    }

    /// <summary>Waits for the flight of this key, which is begun if there is none.</summary>
    /// <param name="key">Everything that changes the answer.</param>
    /// <param name="load">Loads; used only by the caller who begins.</param>
    /// <param name="cancellation">Ends this caller's wait.</param>
    /// <param name="timeLeft">How long this caller can use an answer; the flight may run as long as the longest of its callers needs it. Default: the time limit.</param>
    /// <exception cref="TimeoutException">The flight reached its time limit.</exception>
    /// <exception cref="TooManyFlightsException">Another flight would be one too many.</exception>
    public async Task<FlightResult<TValue>> RunAsync(
        TKey key, Func<Flight<TKey>, Task<TValue>> load, CancellationToken cancellation = default, TimeSpan? timeLeft = null)
    {
        cancellation.ThrowIfCancellationRequested();
        if (timeLeft <= TimeSpan.Zero) throw new TimeoutException("no time is left to load");
        var (flight, shared) = Board(key, load, timeLeft);
        try
        {
            return new(await flight.Landing.WaitAsync(cancellation), shared);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            Leave(flight);
            throw;
        }
    }

    /// <summary>Whether there is a flight of this key to join.</summary>
    public bool IsUnderWay(TKey key)
    {
        lock (_gate) return _flights.ContainsKey(key);
    }

    /// <summary>Begins a flight that nobody waits for, unless one of this key is under way or too many loads run.</summary>
    public bool TryBegin(TKey key, Func<Flight<TKey>, Task<TValue>> load)
    {
        Flight<TKey, TValue> flight;
        lock (_gate)
        {
            if (_flights.ContainsKey(key) || _running >= Options.MaxFlights) return false;
            // Counts as having one who waits and never leaves.
            flight = Begin(key, load, Options.TimeLimit);
        }
        ThreadPool.UnsafeQueueUserWorkItem(flight, preferLocal: false);
        return true;
    }

    /// <summary>
    /// Lets the next caller begin afresh. Those who wait still get what their flight brings, but it is no longer <see cref="Flight{TKey}.IsCurrent"/>. Call
    /// it after each write to what is loaded.
    /// </summary>
    /// <returns>Whether there was a flight.</returns>
    public bool Forget(TKey key)
    {
        lock (_gate)
        {
            if (!_flights.Remove(key, out var flight)) return false;
            flight.Forget();
            return true;
        }
    }

    /// <summary>Forgets all keys.</summary>
    public void ForgetAll()
    {
        lock (_gate)
        {
            foreach (var flight in _flights.Values) flight.Forget();
            _flights.Clear();
        }
    }

    /// <summary>What happened so far.</summary>
    public SingleFlightSnapshot Snapshot()
    {
        lock (_gate) return new(_running, _begun, _joined, _failed, _timedOut, _abandoned, _refused);
    }

    /// <summary>The next caller begins afresh before those who wait go on.</summary>
    internal void Land(Flight<TKey, TValue> flight, Ending ending)
    {
        lock (_gate)
        {
            if (flight.HasLanded) return;
            flight.HasLanded = true;
            if (ending == Ending.Failed) _failed++;
            if (ending == Ending.TimedOut) _timedOut++;
            Detach(flight);
        }
    }

    internal void LoadEnded()
    {
        lock (_gate) _running--;
    }

    private (Flight<TKey, TValue> Flight, bool Shared) Board(TKey key, Func<Flight<TKey>, Task<TValue>> load, TimeSpan? timeLeft)
    {
        var options = Options;
        var limit = timeLeft is { } left && left < options.TimeLimit ? left : options.TimeLimit;
        Flight<TKey, TValue>? flight;
        lock (_gate)
        {
            if (_flights.TryGetValue(key, out flight) && !(options.ForgetAfter < flight.Age))
            {
                flight.Waiters++;
                flight.Extend(limit, options.TimeLimit);
                _joined++;
                return (flight, true);
            }
            if (_running >= options.MaxFlights)
            {
                _refused++;
                throw new TooManyFlightsException(options.MaxFlights);
            }
            if (flight is not null) Detach(flight);
            flight = Begin(key, load, limit);
        }
        ThreadPool.UnsafeQueueUserWorkItem(flight, preferLocal: false);
        return (flight, false);
    }

    private Flight<TKey, TValue> Begin(TKey key, Func<Flight<TKey>, Task<TValue>> load, TimeSpan limit)
    {
        var flight = new Flight<TKey, TValue>(key, this, load, limit, _clock);
        _flights.Add(key, flight);
        _running++;
        _begun++;
        return flight;
    }

    private void Leave(Flight<TKey, TValue> flight)
    {
        lock (_gate)
        {
            if (--flight.Waiters > 0 || flight.HasLanded) return;
            flight.HasLanded = true;
            _abandoned++;
            Detach(flight);
        }
        flight.Cancel();
    }

    // After this no Forget reaches the flight, so it must not fill a cache from here on either.
    private void Detach(Flight<TKey, TValue> flight)
    {
        flight.Forget();
        if (_flights.TryGetValue(flight.Key, out var current) && ReferenceEquals(current, flight)) _flights.Remove(flight.Key);
    }
}
