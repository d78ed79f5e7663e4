namespace FeedMall.KvStore;

/// <summary>What is done in the background: entries whose time has come go, silent clients too, and memory that was freed goes back to the system.</summary>
internal sealed class KvSweeper(KvEngine engine, TimeProvider clock) : BackgroundService
{
    private const int NodesPerSlice = 100; // some 30 µs
    private const int BlocksPerSlice = 200;
    private const int TicksPerRound = 50;
    private const int TicksPerLook = 5;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Removes every entry whose time has come, in slices. When there is more than one it takes turns with the clients on the loop's thread, like one that has sent
    /// much: a thread of its own could be put aside by the system while it has the data lock, and everybody would wait for it.
    /// </summary>
    public async Task ExpireDueAsync()
    {
        if (ExpireSome()) return;
        do
        {
            if (engine.Loop is { } loop) await loop.TurnBehind();
            engine.Keyspace.Gate.LetOthersIn();
        }
        while (!ExpireSome());
        // What else there is to do is not for the loop.
        await Task.Yield();
    }

    // Whether that was all.
    private bool ExpireSome()
    {
        var keyspace = engine.Keyspace;
        keyspace.Gate.Enter();
        try
        {
            keyspace.NowMs = engine.Clock.NowMs;
            return keyspace.Wheel.Advance(keyspace.NowMs, keyspace.Expiring, NodesPerSlice, keyspace);
        }
        finally
        {
            keyspace.Gate.Exit();
        }
    }

    /// <summary>Gives back the memory of collections that were deleted and databases that were flushed, in slices, until somebody else wants the data: then the batches of commands go on with it, and nobody waits for a thread
    /// that the system has put aside while it had the lock.</summary>
    public void FreeRetired()
    {
        var keyspace = engine.Keyspace;
        for (var isDone = false; !isDone;)
        {
            keyspace.Gate.Enter();
            isDone = keyspace.Retired.FreeSome(BlocksPerSlice);
            keyspace.Gate.Exit();
            if (keyspace.Gate.IsWanted) return;
        }
    }

    /// <summary>Ends those clients whose buffers are the largest while all together take more than they may.</summary>
    public void BoundBuffers()
    {
        var limit = engine.Settings.MaxClientsBytes;
        if (limit == 0) return;
        var total = 0L;
        foreach (var client in engine.Clients.All) total += client.BufferBytes;
        if (total <= limit) return;
        foreach (var client in engine.Clients.All.OrderByDescending(client => client.BufferBytes))
        {
            if (total <= limit) return;
            total -= client.BufferBytes;
            engine.Traffic.CountDropped();
            client.Abort();
        }
    }

    /// <summary>Ends connections that have been silent for too long, or whose client does not read.</summary>
    public void EndSilentClients()
    {
        var now = engine.Clock.ElapsedMs;
        var idle = engine.Settings.IdleTimeoutSeconds * 1000;
        var sending = (long)engine.Settings.Start.SendTimeout.TotalMilliseconds;
        foreach (var client in engine.Clients.All)
            if ((idle > 0 && now - client.LastActiveMs > idle) || now - client.SendingSinceMs > sending) client.Abort();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Tick, clock);
        for (var tick = 1; await NextAsync(timer, stoppingToken); tick++)
        {
            await ExpireDueAsync();
            FreeRetired();
            if (tick % TicksPerLook == 0) BoundBuffers();
            if (tick % TicksPerRound != 0) continue;
            engine.Clock.Correct();
            EndSilentClients();
        }
    }

    private static async ValueTask<bool> NextAsync(PeriodicTimer timer, CancellationToken stoppingToken)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
