using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Rpc;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>
/// The key-value store as a service may rely on it: whatever is the matter with it, an operation ends within the operation timeout (less if the request has
/// less time left, spec §7.1), and the caller is told no more than that it was not done. Every failure is counted.
/// </summary>
/// <remarks>
/// The client library queues without bound and never times out asynchronous commands. So commands are sent only while there is a connection, so many
/// at a time, and through a breaker: a store that hangs costs the timeout a few times, not at every request.
/// </remarks>
public sealed class KeyValueStore
{
    private readonly KeyValueConnection _connection;
    private readonly SreBreaker _breaker;
    private int _outstanding;

    /// <summary>Made by the container.</summary>
    internal KeyValueStore(KeyValueConnection connection, KeyValueMetrics metrics, IOptions<KeyValueOptions> options, TimeProvider clock, IChance chance)
    {
        (_connection, Metrics, Options, Clock, Chance) = (connection, metrics, options.Value, clock, chance);
        Owed = new OwedStamps(Options.TimeToLive * (1 + Options.Jitter), clock);
        // A short window and quick probes: a store that is back is used again within about a second.
        _breaker = new SreBreaker(new SreBreakerOptions
        {
            Window = TimeSpan.FromSeconds(2), Buckets = 20, MinRequests = 10, ProbeInterval = TimeSpan.FromMilliseconds(200),
        }, clock, chance);
        metrics.Meter.CreateObservableGauge("feedmall.cache.outstanding", () => Volatile.Read(ref _outstanding), "{command}", "Commands that wait for their answers.");
        metrics.Meter.CreateObservableGauge("feedmall.cache.owed", () => Owed.Count, "{key}", "Keys that changed while the store could not be told.");
    }

    internal KeyValueMetrics Metrics { get; }

    internal KeyValueOptions Options { get; }

    internal OwedStamps Owed { get; }

    internal bool IsConnected => Options.Enabled && _connection.IsConnected;

    internal TimeProvider Clock { get; }

    internal IChance Chance { get; }

    /// <summary>Sends commands and waits for their answers.</summary>
    /// <param name="cache">Whose they are: a label of the metrics.</param>
    /// <param name="operation">What they do: a label of the metrics.</param>
    /// <param name="send">Sends them; called at once or not at all.</param>
    /// <param name="commands">How many there are.</param>
    /// <param name="patience">How long to wait, where nobody's request does; null: the operation timeout.</param>
    /// <returns>Whether the answers came in time, and the answers.</returns>
    internal async Task<(bool Done, T? Answer)> TryAsync<T>(string cache, string operation, Func<IDatabase, Task<T>> send, int commands = 1, TimeSpan? patience = null)
    {
        if (!Options.Enabled) return default;
        if (_connection.Database is not { } database) return Fail<T>(cache, KeyValueFailure.Disconnected);
        var timeout = patience ?? TimeLeft();
        if (timeout <= TimeSpan.Zero) return Fail<T>(cache, KeyValueFailure.Timeout, isTheStores: false);
        if (Interlocked.Add(ref _outstanding, commands) > Options.MaxOutstanding)
        {
            Interlocked.Add(ref _outstanding, -commands);
            return Fail<T>(cache, KeyValueFailure.Busy);
        }
        using var permit = _breaker.TryEnter();
        if (!permit.IsAdmitted)
        {
            Interlocked.Add(ref _outstanding, -commands);
            return Fail<T>(cache, KeyValueFailure.Dropped);
        }
        // What no request waits for belongs to no trace.
        using var span = patience is null ? Metrics.StartSpan(cache, operation) : null;
        var startedAt = Clock.GetTimestamp();
        try
        {
            var answer = await Send(database, send, commands).WaitAsync(timeout, Clock);
            permit.Complete(Outcome.Success);
            return (true, answer);
        }
        catch (TimeoutException)
        {
            // That the request had hardly any time left says nothing about the store.
            var hadTime = timeout >= Options.OperationTimeout;
            if (hadTime) permit.Complete(Outcome.Failure);
            return Fail<T>(cache, KeyValueFailure.Timeout, hadTime);
        }
        catch (RedisServerException)
        {
            permit.Complete(Outcome.Success); // it answers, at once
            return Fail<T>(cache, KeyValueFailure.Error);
        }
        catch (Exception lost) when (lost is RedisException or RedisCommandException or OperationCanceledException or ObjectDisposedException)
        {
            permit.Complete(Outcome.Failure);
            return Fail<T>(cache, KeyValueFailure.Disconnected);
        }
        finally
        {
            Metrics.Record(cache, operation, Clock.GetElapsedTime(startedAt));
        }
    }

    // Counts as outstanding until the answers are really there, not only as long as somebody waits for them.
    private Task<T> Send<T>(IDatabase database, Func<IDatabase, Task<T>> send, int commands)
    {
        Task<T> answer;
        try
        {
            answer = send(database);
        }
        catch (Exception refused) when (refused is RedisException or RedisCommandException or ObjectDisposedException)
        {
            answer = Task.FromException<T>(refused);
        }
        _ = answer.ContinueWith(done =>
        {
            Interlocked.Add(ref _outstanding, -commands);
            _ = done.Exception; // who waited has seen it; if nobody does any more, nobody needs to
        }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return answer;
    }

    private TimeSpan TimeLeft() =>
        RequestContext.Current?.Remaining is { } remaining && remaining < Options.OperationTimeout ? remaining : Options.OperationTimeout;

    private (bool, T?) Fail<T>(string cache, KeyValueFailure failure, bool isTheStores = true)
    {
        Metrics.CountFailure(cache, failure switch
        {
            KeyValueFailure.Disconnected => "disconnected",
            KeyValueFailure.Timeout => "timeout",
            KeyValueFailure.Error => "error",
            KeyValueFailure.Busy => "busy",
            _ => "dropped",
        });
        if (isTheStores) _connection.Warn(failure.ToString());
        return default;
    }
}
