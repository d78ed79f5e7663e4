using FeedMall.Resilience.Caching;
using FeedMall.Rpc;
using FeedMall.Rpc.Errors;
using Google.Protobuf;
using Grpc.Core;
using StackExchange.Redis;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>
/// Protobuf messages by id, read through the key-value store. What a caller gets is never older than a change that ended before it asked; with a store
/// that is down, slow or full of rubbish it is read from the database, and that is all that happens.
/// </summary>
/// <remarks>
/// <para>Two keys for each id: a stamp and a value. Whoever changes the row sets a new stamp (SET) after the commit. Whoever misses makes sure of a stamp
/// (ADD) before reading the row, and writes that stamp into the value. A value counts only with the present stamp. So a late fill with an old row can
/// neither overwrite nor outlive a change, and of writers at once it does not matter who sets the stamp last: docs/decisions/0008-cache-stamps.md.</para>
/// <para>The hash tag in the keys keeps both on one node of a cluster. Values are shared by all who wait for them: do not change them.</para>
/// </remarks>
/// <param name="name">What is cached: part of the keys and a label of the metrics.</param>
/// <param name="schema">Raise it when what the message means changes: then the old values are not found any more.</param>
/// <param name="parser">Reads the message.</param>
/// <param name="store">Where it is kept.</param>
public sealed class StampedCache<T>(string name, int schema, MessageParser<T> parser, KeyValueStore store) where T : class, IMessage<T>
{
    private readonly SingleFlight<(long Id, Guid? Stamp), T?> _flights = new(new SingleFlightOptions(), store.Clock);
    private readonly SingleFlight<long, Guid?> _stampings = new(new SingleFlightOptions(), store.Clock);
    private readonly TtlJitter _jitter = new(store.Options.Jitter);

    internal SingleFlightSnapshot Flights => _flights.Snapshot();

    /// <summary>The message of this id, or null when there is none.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="load">Reads it from the database. Of many who miss at once, one does.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<T?> FindAsync(long id, Func<CancellationToken, Task<T?>> load, CancellationToken cancellationToken)
    {
        var seen = (await ReadAsync([id]))[0];
        if (seen.IsHit) return seen.Value;
        var stamp = await StampAsync(seen, cancellationToken);
        try
        {
            // The stamp is part of the key: who has seen the one of a change must not join a flight that began before it.
            var flight = await _flights.RunAsync(
                (id, stamp), flight => LoadAsync(seen, stamp, load, flight.Cancellation), cancellationToken, RequestContext.Current?.Remaining);
            return flight.Value;
        }
        catch (Exception notFlown) when (notFlown is TooManyFlightsException or TimeoutException)
        {
            store.Metrics.CountLoad(name);
            return await load(cancellationToken);
        }
    }

    /// <summary>The messages of these ids that exist.</summary>
    /// <param name="ids">Their ids; twice the same is once.</param>
    /// <param name="load">Reads those that the cache does not have from the database, in one statement.</param>
    /// <param name="cancellationToken">Ends the load.</param>
    public async Task<IReadOnlyDictionary<long, T>> ListAsync(
        IReadOnlyCollection<long> ids, Func<IReadOnlyCollection<long>, CancellationToken, Task<IEnumerable<KeyValuePair<long, T>>>> load, CancellationToken cancellationToken)
    {
        var seen = await ReadAsync([.. ids.Distinct()]);
        var found = seen.Where(entry => entry.IsHit && entry.Value is not null).ToDictionary(entry => entry.Id, entry => entry.Value!);
        var missing = seen.Where(entry => !entry.IsHit).ToArray();
        if (missing.Length == 0) return found;
        var stamps = await Task.WhenAll(missing.Select(entry => StampAsync(entry, cancellationToken)));
        store.Metrics.CountLoad(name);
        foreach (var (id, value) in await load([.. missing.Select(entry => entry.Id)], cancellationToken)) found[id] = value;
        for (var i = 0; i < missing.Length; i++) Fill(missing[i], stamps[i], found.GetValueOrDefault(missing[i].Id));
        return found;
    }

    /// <summary>
    /// Runs a change of the row and then voids what is cached, also when nobody knows whether the change took place: a lost connection may hide a commit.
    /// </summary>
    public async Task<TResult> ChangeAsync<TResult>(long id, Func<Task<TResult>> change)
    {
        var outcome = StatusCode.Unknown;
        try
        {
            var result = await change();
            outcome = StatusCode.OK;
            return result;
        }
        catch (ServiceException refused)
        {
            outcome = refused.Code;
            throw;
        }
        finally
        {
            var isRefused = outcome is not (StatusCode.OK or StatusCode.Unknown or StatusCode.Unavailable);
            if (!isRefused && store.Options.Enabled) await VoidAsync(id, outcome == StatusCode.OK);
        }
    }

    private async Task VoidAsync(long id, bool isCommitted)
    {
        // Of what began without a stamp, because the store could not be read.
        _flights.Forget((id, null));
        var key = StampKey(id);
        if (!await Stamps.TryRenewAsync(store, name, key)) store.Owed.Add(name, key, atOnce: true);
        else if (!isCommitted) store.Owed.Add(name, key, atOnce: false);
    }

    private async Task<Seen[]> ReadAsync(long[] ids)
    {
        // One MGET for each id, all on their way at once: unlike one for all ids, that works on a cluster.
        var (done, answers) = ids.Length == 0 ? default : await store.TryAsync(
            name, "get", database => Task.WhenAll(ids.Select(id => database.StringGetAsync([StampKey(id), ValueKey(id)]))), ids.Length);
        var seen = new Seen[ids.Length];
        for (var i = 0; i < ids.Length; i++)
            seen[i] = done && !store.Owed.Includes(StampKey(ids[i])) ? Read(ids[i], answers![i]) : new Seen(ids[i]);
        var (hits, absent) = (seen.Count(entry => entry.Value is not null), seen.Count(entry => entry.IsHit && entry.Value is null));
        store.Metrics.CountReads(name, "hit", hits);
        store.Metrics.CountReads(name, "absent", absent);
        store.Metrics.CountReads(name, "miss", ids.Length - hits - absent);
        return seen;
    }

    private Seen Read(long id, RedisValue[] answer)
    {
        var stamp = Stamps.Read(answer[0]);
        var seen = new Seen(id) { IsRead = true, Stamp = stamp, HasForeignStamp = stamp is null && !answer[0].IsNull, HasEntry = !answer[1].IsNull };
        return stamp is { } present && CacheEntry.TryRead((byte[]?)answer[1], present, parser, out var value) ? seen with { IsHit = true, Value = value } : seen;
    }

    private async Task<T?> LoadAsync(Seen seen, Guid? stamp, Func<CancellationToken, Task<T?>> load, CancellationToken cancellationToken)
    {
        store.Metrics.CountLoad(name);
        var value = await load(cancellationToken);
        Fill(seen, stamp, value);
        return value;
    }

    // Before the row is read, or a change between reading and stamping would go unseen. Null: the store cannot be asked, so do not fill.
    private async Task<Guid?> StampAsync(Seen seen, CancellationToken cancellationToken)
    {
        if (!seen.IsRead || seen.Stamp is not null) return seen.Stamp;
        try
        {
            var key = StampKey(seen.Id);
            return (await _stampings.RunAsync(seen.Id, _ => Stamps.EnsureAsync(store, name, key, seen.HasForeignStamp), cancellationToken)).Value;
        }
        catch (Exception notFlown) when (notFlown is TooManyFlightsException or TimeoutException)
        {
            return null;
        }
    }

    // Nobody waits for it: the store sees the commands of one connection in their order, so the next reader comes after it.
    private void Fill(Seen seen, Guid? stamp, T? value)
    {
        if (stamp is not { } good) return;
        var entry = CacheEntry.Write(good, value);
        var timeToLive = _jitter.Apply(value is null ? store.Options.AbsentTimeToLive : store.Options.TimeToLive, store.Chance);
        // SET only over something that is void; else ADD, so that what somebody else has just written stays.
        var when = seen.HasEntry ? When.Always : When.NotExists;
        _ = store.TryAsync(name, "fill", database =>
        {
            // The stamp must outlive the value.
            if (value is not null) _ = database.KeyExpireAsync(StampKey(seen.Id), store.Options.TimeToLive * 2, CommandFlags.FireAndForget);
            return database.StringSetAsync(ValueKey(seen.Id), entry, timeToLive, when);
        });
    }

    private string StampKey(long id) => $"{name}:{schema}:{{{id}}}:stamp";

    private string ValueKey(long id) => $"{name}:{schema}:{{{id}}}";

    /// <summary>What the store had under an id.</summary>
    private readonly record struct Seen(long Id)
    {
        /// <summary>The store was asked and answered, and is believed.</summary>
        public bool IsRead { get; init; }

        /// <summary>It knows: the value, or that there is none.</summary>
        public bool IsHit { get; init; }

        public T? Value { get; init; }

        public Guid? Stamp { get; init; }

        /// <summary>In the stamp's place is something that is none.</summary>
        public bool HasForeignStamp { get; init; }

        /// <summary>There is a value, or something else in its place.</summary>
        public bool HasEntry { get; init; }
    }
}
