namespace FeedMall.Testing;

/// <summary>A key-value server of either kind: our KvStore in this process, or a real redis-server. The same tests run against both.</summary>
public sealed class CacheServer : IAsyncDisposable
{
    /// <summary>Our own.</summary>
    public const string KvStore = "KvStore";

    /// <summary>A real redis-server.</summary>
    public const string Redis = "redis-server";

    /// <summary>An address where nothing listens.</summary>
    public const string Lost = "lost";

    private readonly Func<Task> _stop;

    private CacheServer(Func<Task> stop, int port) => (_stop, Port) = (stop, port);

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Starts one.</summary>
    /// <param name="kind"><see cref="KvStore"/> or <see cref="Redis"/>.</param>
    /// <param name="port">0: a free one.</param>
    /// <param name="password">What clients must say; null: nothing.</param>
    public static async Task<CacheServer> StartAsync(string kind, int port = 0, string? password = null)
    {
        if (kind == KvStore)
        {
            var kv = await KvHost.StartAsync([$"--Kv:Port={port}", "--Logging:Console:LogLevel:Default=None", .. password is null ? Array.Empty<string>() : [$"--Kv:Password={password}"]]);
            return new CacheServer(async () =>
            {
                await kv.StopAsync(CancellationToken.None);
                await kv.DisposeAsync();
            }, kv.Port);
        }
        var redis = await RedisServer.StartAsync(port == 0 ? FreePort.Next() : port, password is null ? [] : ["--requirepass", password]);
        return new CacheServer(() => redis.DisposeAsync().AsTask(), redis.Port);
    }

    /// <summary>Stops our own, kills a redis-server.</summary>
    public async ValueTask DisposeAsync() => await _stop();
}
