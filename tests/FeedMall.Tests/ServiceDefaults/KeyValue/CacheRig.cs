using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using FeedMall.Proto.Feed.V1;
using FeedMall.Resilience;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.KeyValue;
using FeedMall.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults.KeyValue;

/// <summary>
/// What a service process has of the cache: the connection, the worker, a cache of posts, and what is measured and logged. Two rigs on one store are two
/// processes. The "database" is a dictionary that counts who asks it.
/// </summary>
internal sealed class CacheRig : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly KeyValueConnection _connection;
    private readonly KeyValueWorker _worker;
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _counts = new();

    private CacheRig(int port, Action<KeyValueOptions>? configure)
    {
        var settings = new KeyValueOptions { Addresses = $"127.0.0.1:{port}", OperationTimeout = TimeSpan.FromSeconds(5), ConnectTimeout = TimeSpan.FromSeconds(10) };
        configure?.Invoke(settings);
        _services = new ServiceCollection().AddMetrics().AddLogging(logs => logs.AddProvider(Logs)).BuildServiceProvider();
        var metrics = new KeyValueMetrics(_services.GetRequiredService<IMeterFactory>());
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter, metrics.Meter)) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, count, tags, _) =>
        {
            var label = tags.Length > 1 ? $"{instrument.Name}/{tags[1].Value}" : instrument.Name;
            _counts.AddOrUpdate(label, count, (_, sum) => sum + count);
        });
        _listener.Start();
        var options = Options.Create(settings);
        _connection = new KeyValueConnection(
            options, new ServiceIdentity("Feed"), metrics, _services.GetRequiredService<ILogger<KeyValueConnection>>(), TimeProvider.System);
        Store = new KeyValueStore(_connection, metrics, options, TimeProvider.System, new SystemChance());
        _worker = new KeyValueWorker(_connection, Store, options, _services.GetRequiredService<ILogger<KeyValueWorker>>(), TimeProvider.System);
        Posts = new StampedCache<Post>("post", 1, Post.Parser, Store);
    }

    public KeyValueStore Store { get; }

    public StampedCache<Post> Posts { get; }

    public LogCapture Logs { get; } = new();

    public bool IsConnected => _connection.IsConnected;

    public long Hits => Count("feedmall.cache.reads/hit");

    public long Absent => Count("feedmall.cache.reads/absent");

    public long Misses => Count("feedmall.cache.reads/miss");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Starts one that is connected.</summary>
    public static async Task<CacheRig> StartAsync(int port, Action<KeyValueOptions>? configure = null)
    {
        var rig = await StartUnconnectedAsync(port, configure);
        // The library says that it is connected a moment before commands go through.
        var startedAt = Stopwatch.GetTimestamp();
        while (!(await rig.Store.TryAsync("none", "get", database => database.StringGetAsync("none"))).Done)
        {
            Assert.True(Stopwatch.GetElapsedTime(startedAt) < TimeSpan.FromSeconds(30));
            await Task.Delay(5, Token);
        }
        rig._counts.Clear();
        return rig;
    }

    /// <summary>Starts one, connected or not.</summary>
    public static async Task<CacheRig> StartUnconnectedAsync(int port, Action<KeyValueOptions>? configure = null)
    {
        var rig = new CacheRig(port, configure);
        await rig._worker.StartAsync(Token);
        return rig;
    }

    public long Failures(string reason) => Count($"feedmall.cache.failures/{reason}");

    public long AllFailures => _counts.Where(count => count.Key.StartsWith("feedmall.cache.failures/", StringComparison.Ordinal)).Sum(count => count.Value);

    public Task<Post?> FindAsync(PostTable table, long id) => Posts.FindAsync(id, _ => table.FindAsync(id), Token);

    public Task ChangeAsync(PostTable table, long id, string? title) => Posts.ChangeAsync(id, () => table.SetAsync(id, title));

    /// <summary>Waits for something that surely comes; how long it may take is the test's to say.</summary>
    public static async Task<TimeSpan> UntilAsync(Func<bool> holds, double seconds = 30)
    {
        var startedAt = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(startedAt) < TimeSpan.FromSeconds(seconds), $"not within {seconds} s");
            await Task.Delay(5, Token);
        }
        return Stopwatch.GetElapsedTime(startedAt);
    }

    public async ValueTask DisposeAsync()
    {
        await _worker.StopAsync(CancellationToken.None);
        _worker.Dispose();
        await _connection.DisposeAsync();
        _listener.Dispose();
        await _services.DisposeAsync();
    }

    private long Count(string label) => _counts.GetValueOrDefault(label);
}

/// <summary>The table behind the cache.</summary>
internal sealed class PostTable
{
    private readonly ConcurrentDictionary<long, string> _titles = new();
    private int _reads;

    public int Reads => Volatile.Read(ref _reads);

    /// <summary>Runs between reading the row and handing it out.</summary>
    public Func<Task> AfterRead { get; set; } = () => Task.CompletedTask;

    public Post? Row(long id) => _titles.TryGetValue(id, out var title) ? new Post { Id = id, Title = title } : null;

    public async Task<Post?> FindAsync(long id)
    {
        Interlocked.Increment(ref _reads);
        var row = Row(id);
        await AfterRead();
        return row;
    }

    public Task<bool> SetAsync(long id, string? title)
    {
        if (title is null) _titles.TryRemove(id, out _);
        else _titles[id] = title;
        return Task.FromResult(true);
    }
}
