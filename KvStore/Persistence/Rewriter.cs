using FeedMall.KvStore.Data;

namespace FeedMall.KvStore.Persistence;

/// <summary>
/// Writes the append-only file anew, as short as it can be, while clients go on: (1) an empty increment joins the manifest; (2) the writer goes over to it
/// and a snapshot begins; (3) the snapshot is written to a temporary file, in slices under the data lock; (4) the file becomes the base, and the
/// manifest names it with the new increment only. Whenever the process ends, the manifest names files that together are the data.
/// </summary>
internal sealed partial class Rewriter(KvEngine engine, AppendFolder folder, AppendWriter writer, ILogger log, TimeProvider clock) : IDisposable
{
    private const string Temporary = "temp-rewrite.aof";
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stopping = new();
    private int _isRunning;
    private long _failedAt;

    private Keyspace Keyspace => engine.Keyspace;

    /// <summary>The run that goes on, or the last one.</summary>
    public Task Running { get; private set; } = Task.CompletedTask;

    /// <summary>Begins.</summary>
    /// <returns>False when one is going on.</returns>
    public bool TryBegin()
    {
        if (_stopping.IsCancellationRequested || Interlocked.Exchange(ref _isRunning, 1) == 1) return false;
        engine.Append.IsRewriting = true;
        Running = Task.Run(RunAsync);
        return true;
    }

    /// <summary>Called once a second: begins if the files have grown enough, or if they cannot be trusted.</summary>
    public void Look()
    {
        var (append, settings) = (engine.Append, engine.Settings);
        (append.BaseBytes, append.TotalBytes) = (folder.Bytes(isBase: true), folder.Bytes(isBase: false));
        if (_failedAt != 0 && clock.GetElapsedTime(_failedAt) < Pause) return;
        var isLarge = settings.AppendRewritePercent > 0 && append.TotalBytes >= settings.AppendRewriteMinBytes
            && append.TotalBytes - append.BaseBytes >= append.BaseBytes / 100.0 * settings.AppendRewritePercent && append.TotalBytes > append.BaseBytes;
        if (isLarge || writer.NeedsBase) TryBegin();
    }

    /// <summary>Gives up what is going on: the files as they were are whole.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await Running;
    }

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();

    private async Task RunAsync()
    {
        var began = clock.GetTimestamp();
        try
        {
            var length = await RewriteAsync();
            engine.Append.LastRewriteSeconds = (long)clock.GetElapsedTime(began).TotalSeconds;
            engine.Append.Rewrites++;
            (engine.Append.LastRewriteFailed, _failedAt) = (false, 0);
            LogRewritten(log, length, clock.GetElapsedTime(began).TotalSeconds);
        }
        catch (OperationCanceledException)
        {
            LogGivenUp(log);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            (engine.Append.LastRewriteFailed, _failedAt) = (true, clock.GetTimestamp());
            LogFailed(log, failure.Message);
        }
        finally
        {
            engine.Append.IsRewriting = false;
            Volatile.Write(ref _isRunning, 0);
        }
    }

    private async Task<long> RewriteAsync()
    {
        var next = folder.AddIncrement();
        using var snapshot = await writer.SwitchAsync(next);
        if (snapshot is null)
        {
            next.Dispose();
            throw new IOException("the present file cannot be finished");
        }
        var length = WriteBase(snapshot);
        folder.ReplaceBase(Temporary);
        writer.BaseIsReplaced();
        return length;
    }

    private long WriteBase(Snapshot snapshot)
    {
        try
        {
            File.Delete(folder.In(Temporary));
            using var file = folder.Open(Temporary);
            while (!Walk(snapshot, file)) Keyspace.Gate.LetOthersIn();
            file.Sync();
            return file.Length;
        }
        finally
        {
            Keyspace.Gate.Enter();
            Keyspace.Journal!.Snapshot = null;
            Keyspace.Gate.Exit();
        }
    }

    private bool Walk(Snapshot snapshot, AppendFile file)
    {
        _stopping.Token.ThrowIfCancellationRequested();
        Keyspace.Gate.Enter();
        Keyspace.NowMs = engine.Clock.NowMs;
        var isDone = snapshot.WalkOn();
        if (isDone) Keyspace.Journal!.Snapshot = null;
        var taken = snapshot.Take().Written;
        Keyspace.Gate.Exit();
        if (snapshot.IsBroken) throw new IOException("two databases changed places meanwhile");
        if (taken.Length > 0) file.Append(taken.Span);
        return isDone;
    }

    [LoggerMessage(30, LogLevel.Information, "The append-only file was written anew: {Bytes} bytes in {Seconds:0.0} s")]
    private static partial void LogRewritten(ILogger log, long bytes, double seconds);

    [LoggerMessage(31, LogLevel.Warning, "The append-only file was not written anew ({Reason}); the files as they are hold everything")]
    private static partial void LogFailed(ILogger log, string reason);

    [LoggerMessage(32, LogLevel.Information, "The append-only file is not written anew, as the server stops; the files as they are hold everything")]
    private static partial void LogGivenUp(ILogger log);
}
