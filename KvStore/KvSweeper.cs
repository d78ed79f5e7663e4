namespace FeedMall.KvStore;

/// <summary>What is done in the background: entries whose time has come go, silent clients too, and memory that was freed goes back to the system.</summary>
internal sealed class KvSweeper(KvEngine engine, TimeProvider clock) : BackgroundService
{
    private const int NodesPerSlice = 1000; // well below a millisecond
    private const int TicksPerRound = 50;
    private const long CollectAboveBytes = 64L << 20;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    private long _droppedBytes;

    /// <summary>Removes every entry whose time has come, in slices, letting clients in between.</summary>
    public void ExpireDue()
    {
        var keyspace = engine.Keyspace;
        for (var isDone = false; !isDone;)
        {
            keyspace.Gate.Enter();
            try
            {
                keyspace.NowMs = engine.Clock.NowMs;
                isDone = keyspace.Wheel.Advance(keyspace.NowMs, keyspace.Expiring, NodesPerSlice, keyspace);
            }
            finally
            {
                keyspace.Gate.Exit();
            }
            keyspace.Gate.LetOthersIn();
        }
    }

    /// <summary>Gives back the memory of collections that were deleted, in slices.</summary>
    public void FreeRetired()
    {
        var keyspace = engine.Keyspace;
        for (var isDone = false; !isDone;)
        {
            keyspace.Gate.Enter();
            isDone = keyspace.Retired.FreeSome(NodesPerSlice);
            keyspace.Gate.Exit();
            if (!isDone) keyspace.Gate.LetOthersIn();
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
            ExpireDue();
            FreeRetired();
            if (tick % TicksPerRound != 0) continue;
            engine.Clock.Correct();
            EndSilentClients();
            GiveMemoryBack();
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

    // Nothing else is allocated while clients work, so the collector would never look for the pages that were let go. There is little to look through.
    private void GiveMemoryBack()
    {
        engine.Keyspace.Gate.Enter();
        var released = engine.Keyspace.Slabs.ReleasedBytes;
        if (released >= CollectAboveBytes) engine.Keyspace.Slabs.TakeReleasedBytes();
        engine.Keyspace.Gate.Exit();
        // Large buffers that come and go all the time make the collector run by themselves: those that have come to an end do not.
        var dropped = engine.Buffers.DroppedBytes;
        var haveEnded = dropped >= CollectAboveBytes && dropped == _droppedBytes;
        _droppedBytes = dropped;
        if (!haveEnded && released < CollectAboveBytes) return;
        engine.Buffers.TakeDroppedBytes();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
