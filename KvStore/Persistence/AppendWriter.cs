using System.Diagnostics.CodeAnalysis;
using FeedMall.KvStore.Data;

namespace FeedMall.KvStore.Persistence;

/// <summary>
/// The one thread that writes to the append-only file. It takes what has gathered since the last time and writes and flushes it at once, so that under
/// "always" one flush serves all connections that have written meanwhile. It takes the data lock only to take.
/// </summary>
internal sealed partial class AppendWriter : IDisposable
{
    private static readonly TimeSpan SyncInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(250);

    private readonly KvEngine _engine;
    private readonly Journal _journal;
    private readonly ILogger _log;
    private readonly TimeProvider _clock;
    private readonly AutoResetEvent _signal = new(initialState: false);
    private readonly Thread _thread;
    private AppendFile _file;
    private Switch? _switch;
    private long _syncedAt, _triedAt;
    private int _isSignaled;
    private bool _isSuspect; // the present file
    private volatile bool _isStopping;

    public AppendWriter(KvEngine engine, Journal journal, AppendFile file, ILogger log, TimeProvider clock)
    {
        (_engine, _journal, _file, _log, _clock) = (engine, journal, file, log, clock);
        _syncedAt = clock.GetTimestamp();
        journal.Wake = Wake;
        _thread = new Thread(Work) { IsBackground = true, Name = "kv-append" };
        _thread.Start();
    }

    private Keyspace Keyspace => _engine.Keyspace;

    private AppendStatistics Statistics => _engine.Append;

    /// <summary>Whether a flush has failed: what the system says is in the file may not be on the disk, so all data must be written anew.</summary>
    public bool NeedsBase { get; private set; }

    /// <summary>All data is written anew.</summary>
    public void BaseIsReplaced() => NeedsBase = _isSuspect;

    /// <summary>Lets the thread look.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _isSignaled, 1) == 0) _signal.Set();
    }

    /// <summary>Called some 50 times a second: what is due without anybody asking.</summary>
    public void Tick()
    {
        if (_journal.PendingBytes > 0 || _journal.Failure is not null || (_file.IsUnsynced && IsSyncDue)) Wake();
    }

    /// <summary>Everything until now goes to the file, everything from now on to another one, and a snapshot begins between the two.</summary>
    /// <returns>The snapshot, or null when the old file could not be finished: then nothing has changed.</returns>
    public Task<Snapshot?> SwitchAsync(AppendFile next)
    {
        var wanted = new Switch(next);
        Volatile.Write(ref _switch, wanted);
        Wake();
        return wanted.Done.Task;
    }

    /// <summary>Writes what is left, flushes it and ends the thread.</summary>
    public void Stop()
    {
        if (_isStopping) return;
        _isStopping = true;
        Wake();
        _thread.Join();
        _file.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        _signal.Dispose();
    }

    private bool IsSyncDue => _engine.Settings.AppendSync == SyncPolicy.EverySecond && _clock.GetElapsedTime(_syncedAt) >= SyncInterval;

    private void Work()
    {
        while (!_isStopping)
        {
            _signal.WaitOne();
            Volatile.Write(ref _isSignaled, 0);
            if (_journal.Failure is not null && _clock.GetElapsedTime(_triedAt) < RetryInterval && _switch is null && !_isStopping) continue;
            _triedAt = _clock.GetTimestamp();
            if (Interlocked.Exchange(ref _switch, null) is { } wanted) SwitchTo(wanted);
            else if (!_isSuspect) TryWrite(mustSync: _isStopping);
        }
        // What came while the last round was being written.
        if (!_isSuspect) TryWrite(mustSync: true);
    }

    // Writes what has gathered; once more if something was left over from a failure.
    private bool TryWrite(bool mustSync)
    {
        for (var left = 2; left > 0; left--)
        {
            Keyspace.Gate.Enter();
            var hasMore = _journal.HasLeftOver;
            var taken = _journal.Take().Written;
            Keyspace.Gate.Exit();
            if (!TryWrite(taken, mustSync)) return false;
            if (!hasMore) return true;
        }
        return true;
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever keeps the file from being written is said to clients and operators; the thread must live on to try again.")]
    private bool TryWrite(ReadOnlyMemory<byte> bytes, bool mustSync)
    {
        try
        {
            if (bytes.Length > 0) _file.Append(bytes.Span);
            Statistics.WrittenBytes += bytes.Length;
            var isAlways = _engine.Settings.AppendSync == SyncPolicy.Always;
            if (_file.IsUnsynced && (mustSync || isAlways || IsSyncDue)) Sync();
        }
        catch (Exception failure)
        {
            Fail(failure);
            return false;
        }
        Keyspace.Gate.Enter();
        var wasFailing = _journal.Failure is not null;
        _journal.TakenIsSafe(endsFailure: !NeedsBase);
        Keyspace.Gate.Exit();
        if (wasFailing && !NeedsBase) LogRecovered(_log, _file.Name);
        return true;
    }

    private void Sync()
    {
        var began = _clock.GetTimestamp();
        try
        {
            _file.Sync();
        }
        catch
        {
            NeedsBase = _isSuspect = true;
            throw;
        }
        _syncedAt = _clock.GetTimestamp();
        Statistics.Synced(_clock.GetElapsedTime(began, _syncedAt));
    }

    private void Fail(Exception failure)
    {
        Keyspace.Gate.Enter();
        var isNew = _journal.Failure is null;
        _journal.Fail(failure.Message);
        Keyspace.Gate.Exit();
        Statistics.Failures++;
        if (isNew) LogFailed(_log, _file.Name, failure.Message);
    }

    private void SwitchTo(Switch wanted)
    {
        if (!_isSuspect && !TryWrite(mustSync: false) && !_isSuspect)
        {
            wanted.Done.SetResult(null);
            return;
        }
        var snapshot = new Snapshot(Keyspace);
        Keyspace.Gate.Enter();
        // What a suspect file lacks has an effect that the snapshot has.
        if (_isSuspect) _journal.Drop();
        var rest = _journal.Take().Written;
        _journal.BeginFile();
        _journal.Snapshot = snapshot;
        Keyspace.Gate.Exit();
        var isWritten = _isSuspect || TryWrite(rest, mustSync: true);
        Keyspace.Gate.Enter();
        if (_isSuspect) _journal.DropTaken();
        else if (!isWritten) _journal.Snapshot = snapshot = null;
        Keyspace.Gate.Exit();
        if (snapshot is not null)
        {
            _file.Dispose();
            _file = wanted.Next;
            NeedsBase |= _isSuspect;
            _isSuspect = false;
        }
        wanted.Done.SetResult(snapshot);
    }

    private sealed record Switch(AppendFile Next)
    {
        public TaskCompletionSource<Snapshot?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    [LoggerMessage(20, LogLevel.Error, "{File} cannot be written ({Reason}): writes are refused until it can, reads go on. It is tried again all the time")]
    private static partial void LogFailed(ILogger log, string file, string reason);

    [LoggerMessage(21, LogLevel.Warning, "{File} can be written again: writes are accepted")]
    private static partial void LogRecovered(ILogger log, string file);
}
