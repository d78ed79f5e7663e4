using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Benchmarks.Overload;

/// <summary>What became of one request.</summary>
/// <param name="Latency">From the moment when it was to be sent to its whole answer.</param>
/// <param name="Lag">From that moment to when it was handed to a connection: how late the load itself is.</param>
internal readonly record struct Fate(Arrival Arrival, Reply Reply, TimeSpan Latency, TimeSpan Lag);

/// <summary>
/// Sends requests at the times that were fixed for them, whatever becomes of the others: who asks does not know how the server fares. Each has a connection to
/// itself while it waits. Sockets are bounded; a request that finds none is never sent, and told apart.
/// </summary>
internal sealed class OpenLoop(IPEndPoint target, int maxSockets) : IDisposable
{
    public static readonly Reply NoSocket = new(0, "no socket left");

    /// <summary>How long a request waits: well after an answer is of any use, so that late ones are seen as late.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentStack<HttpCaller> _idle = new();
    private readonly ConcurrentDictionary<HttpCaller, long> _busy = new();
    private int _sockets;
    // No id comes twice, in no run against the same server: each is a miss of every cache.
    private long _nextId = Stopwatch.GetTimestamp();

    /// <summary>Sends all and waits for their answers. Blocks: the thread that calls it keeps the time.</summary>
    public Fate[] Run(Arrival[] arrivals)
    {
        var fates = new Fate[arrivals.Length];
        using var left = new CountdownEvent(arrivals.Length + 1);
        var start = Stopwatch.GetTimestamp();
        var sweptAt = TimeSpan.Zero;
        for (var i = 0; i < arrivals.Length; i++)
        {
            TimeSpan now;
            while ((now = Stopwatch.GetElapsedTime(start)).Ticks < arrivals[i].At) Thread.Sleep(1);
            if (TryTake() is { } caller) _ = CallAsync(caller, arrivals, i, start, fates, left);
            else
            {
                fates[i] = new Fate(arrivals[i], NoSocket, TimeSpan.Zero, TimeSpan.Zero);
                left.Signal();
            }
            if (now - sweptAt <= TimeSpan.FromMilliseconds(100)) continue;
            sweptAt = now;
            Sweep();
        }
        left.Signal();
        while (!left.Wait(100)) Sweep();
        return fates;
    }

    public void Dispose()
    {
        while (_idle.TryPop(out var caller)) caller.Dispose();
    }

    /// <summary>One request as soon as possible.</summary>
    public async Task<Reply> AskAsync()
    {
        var caller = TryTake() ?? throw new InvalidOperationException("no socket left");
        var reply = await caller.GetPostAsync(Interlocked.Increment(ref _nextId), Criticality.Critical, Random.Shared.Next(Arrivals.Clients));
        GiveBack(caller);
        return reply;
    }

    private async Task CallAsync(HttpCaller caller, Arrival[] arrivals, int index, long start, Fate[] fates, CountdownEvent left)
    {
        var arrival = arrivals[index];
        var lag = Stopwatch.GetElapsedTime(start) - TimeSpan.FromTicks(arrival.At);
        _busy[caller] = Stopwatch.GetTimestamp();
        var reply = await caller.GetPostAsync(Interlocked.Increment(ref _nextId), arrival.Tier, arrival.Client);
        fates[index] = new Fate(arrival, reply, Stopwatch.GetElapsedTime(start) - TimeSpan.FromTicks(arrival.At), lag);
        GiveBack(caller);
        left.Signal();
    }

    private HttpCaller? TryTake()
    {
        if (_idle.TryPop(out var idle)) return idle;
        if (Interlocked.Increment(ref _sockets) <= maxSockets) return new HttpCaller(target);
        Interlocked.Decrement(ref _sockets);
        return null;
    }

    private void GiveBack(HttpCaller caller)
    {
        _busy.TryRemove(caller, out _);
        if (caller.IsUsable)
        {
            _idle.Push(caller);
            return;
        }
        caller.Dispose();
        Interlocked.Decrement(ref _sockets);
    }

    // Ends what has waited too long.
    private void Sweep()
    {
        foreach (var (caller, since) in _busy)
        {
            if (Stopwatch.GetElapsedTime(since) > Patience) caller.Dispose();
        }
    }
}
