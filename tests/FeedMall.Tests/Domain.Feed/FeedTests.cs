using FeedMall.ServiceDefaults.KeyValue;
using FeedMall.Testing;
using FeedMall.Tests.ServiceDefaults.KeyValue;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

/// <summary>
/// The base of tests of the feed service: each test gets a service of its own on an empty database, over real HTTP/2. Every class of
/// tests has one heir for each database. What the service logs as an error fails the test.
/// </summary>
/// <param name="postgres">The server to make a database on; null for SQLite.</param>
/// <param name="cache">What the service has for a cache: none, our store, a real Redis, or one that cannot be reached.</param>
public abstract class FeedTests(PostgresServer? postgres, string? cache = null) : IAsyncLifetime
{
    private CacheServer? _cache;
    private readonly TemporaryFolder _folder = new();
    private string _database = "feed.db";

    private protected FeedHost Feed { get; private set; } = null!;

    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        if (postgres is not null) _database = await postgres.CreateDatabaseAsync(Token);
        if (cache is not null and not CacheServer.Lost) _cache = await CacheServer.StartAsync(cache);
        Feed = await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        var errors = Feed.Logs.Records.Where(record => record.Level >= LogLevel.Error).ToArray();
        await Feed.DisposeAsync();
        if (_cache is not null) await _cache.DisposeAsync();
        _folder.Dispose();
        GC.SuppressFinalize(this);
        Assert.Empty(errors);
    }

    /// <summary>Stops the service and starts it again on the same database.</summary>
    private protected async Task RestartAsync()
    {
        await Feed.DisposeAsync();
        Feed = await StartAsync();
    }

    private async Task<FeedHost> StartAsync()
    {
        var feed = await FeedHost.StartAsync(_database, _folder.Path, cache is null ? [] :
            [$"--Feed:Cache:Addresses=127.0.0.1:{_cache?.Port ?? 1}", "--Feed:Cache:OperationTimeout=00:00:05"]);
        if (_cache is not null) await CacheRig.UntilAsync(() => feed.Services.GetRequiredService<KeyValueConnection>().IsConnected);
        return feed;
    }
}
