using FeedMall.KvStore.Data;
using FeedMall.ServiceDefaults;
using Microsoft.Extensions.Options;
using Microsoft.Win32.SafeHandles;

namespace FeedMall.KvStore.Persistence;

/// <summary>Loads the append-only file before the server listens, keeps it while it runs, and closes it when all clients are gone. Does nothing when it is off.</summary>
internal sealed partial class PersistenceService(KvEngine engine, IOptions<DataOptions> data, ILogger<PersistenceService> log, TimeProvider clock) : BackgroundService
{
    private const string FolderName = "kv";
    private const int TicksPerLook = 50;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    private AppendFolder? _folder;
    private AppendWriter? _writer;
    private Rewriter? _rewriter;

    /// <summary>How a file is brought to the disk; tests let it fail.</summary>
    public Action<SafeFileHandle> FlushToDisk { get; init; } = RandomAccess.FlushToDisk;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!engine.Settings.Start.AppendOnly) return;
        _folder = new AppendFolder(Path.Combine(data.Value.DataDirectory, FolderName)) { FlushToDisk = FlushToDisk };
        Load(_folder, cancellationToken);
        var file = _folder.Manifest.Increments is [.., var last] ? _folder.Open(last) : _folder.AddIncrement();
        var journal = new Journal(engine);
        _writer = new AppendWriter(engine, journal, file, log, clock);
        _rewriter = new Rewriter(engine, _folder, _writer, log, clock);
        engine.Keyspace.Journal = journal;
        engine.Rewrite = _rewriter.TryBegin;
        RemoveExpired(engine.Keyspace);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (_rewriter is not null) await _rewriter.StopAsync();
        _writer?.Stop();
    }

    // A host that is thrown away without being stopped loses nothing either.
    public override void Dispose()
    {
        _rewriter?.Dispose();
        _writer?.Dispose();
        engine.Keyspace.Journal?.Dispose();
        _folder?.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Tick, clock);
        try
        {
            for (var tick = 1; await timer.WaitForNextTickAsync(stoppingToken); tick++)
            {
                _writer!.Tick();
                if (tick % TicksPerLook == 0) _rewriter!.Look();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    // Nobody else has the keyspace yet, so the lock is not needed.
    private void Load(AppendFolder folder, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        var loader = new LogLoader(engine, log, clock);
        engine.Keyspace.NowMs = 0;
        var files = folder.Manifest.Files.ToList();
        foreach (var (at, name) in files.Index())
        {
            // The writer may have been about to go over to the next file, which is empty then.
            var isLast = name != folder.Manifest.Base && files.Skip(at + 1).All(later => new FileInfo(folder.In(later)).Length == 0);
            loader.Load(folder.In(name), isLast, cancellationToken);
        }
        var took = clock.GetElapsedTime(began).TotalSeconds;
        engine.Append.LoadSeconds = Math.Round(took, 3);
        LogLoaded(log, engine.Keyspace.Count, loader.Commands, folder.FullPath, took);
    }

    // What lies in the past is set for the wheel's next tick.
    private void RemoveExpired(Keyspace keyspace)
    {
        keyspace.NowMs = engine.Clock.NowMs;
        while (!keyspace.Wheel.Advance(keyspace.NowMs + 2 * ExpiryWheel.TickMs, keyspace.Expiring, int.MaxValue, keyspace)) { }
    }

    [LoggerMessage(10, LogLevel.Information, "Loaded {Entries} entries from {Commands} commands in {Folder} within {Seconds:0.0} s")]
    private static partial void LogLoaded(ILogger log, long entries, long commands, string folder, double seconds);
}
