using StackExchange.Redis;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>What stood at the tags of a key when it was asked for: goes into what is then stored under the key.</summary>
public sealed class TagStamps
{
    internal TagStamps(Guid?[] values) => Values = values;

    internal Guid?[] Values { get; }

    /// <summary>Whether what was made when the tags stood like <paramref name="then"/> was not voided since, as far as the store knows: at most it is old.</summary>
    public bool MayBeOldOf(TagStamps? then)
    {
        for (var i = 0; i < Values.Length; i++)
            if (Values[i] is { } present && !(then?.Values[i] is { } past && Stamps.AreRelated(present, past))) return false;
        return true;
    }

    /// <summary>Whether something can be stored with them.</summary>
    internal bool AreComplete => Array.TrueForAll(Values, value => value is not null);
}

/// <summary>The answer of the store.</summary>
/// <param name="IsAnswered">False: the store could not be asked; nothing is known.</param>
/// <param name="Value">What is stored and still counts, or null.</param>
/// <param name="IsOld">The value was made before one of its tags aged.</param>
/// <param name="Stamps">Of the tags, for storing.</param>
public readonly record struct TaggedRead(bool IsAnswered, byte[]? Value, bool IsOld, TagStamps? Stamps);

/// <summary>
/// Bytes by key in the key-value store, each with tags: to evict a tag voids everything that carries it, also what was begun to be made before and is stored
/// later. To age one only makes that old, for who can use an old value when there is no other. The means are those of <see cref="StampedCache{T}"/>, with a stamp for each tag: docs/decisions/0008-cache-stamps.md.
/// </summary>
/// <param name="name">What is cached: part of the keys and a label of the metrics.</param>
/// <param name="store">Where it is kept.</param>
public sealed class TaggedCache(string name, KeyValueStore store)
{
    private const int MaxTags = 16;

    /// <summary>Whether there is a store at all.</summary>
    public bool IsEnabled => store.Options.Enabled;

    /// <summary>What is stored under the key, if none of its tags was evicted since it was begun to be made.</summary>
    /// <param name="key">The key.</param>
    /// <param name="tags">Always the same for a key; 0 to 16.</param>
    public async Task<TaggedRead> FindAsync(string key, IReadOnlyList<string> tags)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tags.Count, MaxTags);
        var keys = new RedisKey[tags.Count + 1];
        keys[0] = KeyOf(key);
        for (var i = 0; i < tags.Count; i++) keys[i + 1] = TagKey(tags[i]);
        var (done, answers) = await store.TryAsync(name, "get", database => database.StringGetAsync(keys), keys.Length);
        if (!done) return default;
        var stamps = new Guid?[tags.Count];
        for (var i = 0; i < stamps.Length; i++) stamps[i] = store.Owed.Includes(TagKey(tags[i])) ? null : Stamps.Read(answers![i + 1]);
        var (value, isOld) = TryRead((byte[]?)answers![0], stamps);
        store.Metrics.CountReads(name, value is null || isOld ? "miss" : "hit", 1);
        return new TaggedRead(true, value, isOld, new TagStamps(stamps));
    }

    /// <summary>Makes sure that every tag has a stamp. To be called before what is to be stored is made.</summary>
    /// <returns>Null when the store cannot be told.</returns>
    public async Task<TagStamps?> StampAsync(IReadOnlyList<string> tags, TagStamps? known)
    {
        var values = new Guid?[tags.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = known?.Values[i];
            if (values[i] is null && !store.Owed.Includes(TagKey(tags[i]))) values[i] = await Stamps.EnsureAsync(store, name, TagKey(tags[i]), overwrite: false);
        }
        var stamps = new TagStamps(values);
        return stamps.AreComplete ? stamps : null;
    }

    /// <summary>Stores bytes that were made after the stamps were read.</summary>
    /// <param name="timeToLive">After which they are gone; tags live longer.</param>
    public Task SetAsync(string key, IReadOnlyList<string> tags, TagStamps stamps, ReadOnlyMemory<byte> value, TimeSpan timeToLive)
    {
        var bytes = new byte[1 + stamps.Values.Length * Stamps.Bytes + value.Length];
        bytes[0] = (byte)stamps.Values.Length;
        for (var i = 0; i < stamps.Values.Length; i++) stamps.Values[i]!.Value.TryWriteBytes(bytes.AsSpan(1 + i * Stamps.Bytes));
        value.CopyTo(bytes.AsMemory(1 + stamps.Values.Length * Stamps.Bytes));
        return store.TryAsync(name, "fill", database =>
        {
            foreach (var tag in tags) _ = database.KeyExpireAsync(TagKey(tag), timeToLive * 2, CommandFlags.FireAndForget);
            return database.StringSetAsync(KeyOf(key), bytes, timeToLive);
        });
    }

    /// <summary>Voids all that carries the tag. When the store cannot be told, this process believes nothing with that tag until it can.</summary>
    /// <param name="longestLife">Of what carries it.</param>
    public Task EvictAsync(string tag, TimeSpan longestLife) => TellAsync(tag, key => Stamps.TryRenewAsync(store, name, key, longestLife));

    /// <summary>Makes all that carries the tag old. When the store cannot be told, it is void.</summary>
    /// <param name="longestLife">Of what carries it.</param>
    public Task AgeAsync(string tag, TimeSpan longestLife) => TellAsync(tag, key => Stamps.TryAgeAsync(store, name, key, longestLife));

    /// <summary>Takes the turn to make what is missing under a key, so that copies of a service do not all make it.</summary>
    /// <param name="time">After which it is free again, whatever became of who took it.</param>
    /// <returns>False: another copy has it. Null: the store cannot be asked.</returns>
    public async Task<bool?> TryTakeTurnAsync(string key, TimeSpan time)
    {
        var (done, taken) = await store.TryAsync(name, "turn", database => database.StringSetAsync(TurnKey(key), 1, time, When.NotExists));
        return done ? taken : null;
    }

    /// <summary>Gives the turn back.</summary>
    public Task EndTurnAsync(string key) => store.TryAsync(name, "turn", database => database.KeyDeleteAsync(TurnKey(key)));

    private async Task TellAsync(string tag, Func<string, Task<bool>> tell)
    {
        if (!IsEnabled) return;
        var key = TagKey(tag);
        if (!await tell(key)) store.Owed.Add(name, key, atOnce: true);
    }

    private static (byte[]? Value, bool IsOld) TryRead(byte[]? bytes, Guid?[] stamps)
    {
        if (bytes is null || bytes.Length < 1 + stamps.Length * Stamps.Bytes || bytes[0] != stamps.Length) return default;
        var isOld = false;
        for (var i = 0; i < stamps.Length; i++)
        {
            var past = new Guid(bytes.AsSpan(1 + i * Stamps.Bytes, Stamps.Bytes));
            if (stamps[i] is not { } present || !Stamps.AreRelated(present, past)) return default;
            isOld |= present != past;
        }
        return (bytes[(1 + stamps.Length * Stamps.Bytes)..], isOld);
    }

    private string KeyOf(string key) => $"{name}:{key}";

    private string TurnKey(string key) => $"{name}:turn:{key}";

    private string TagKey(string tag) => $"{name}:tag:{tag}";
}
