using System.Runtime.InteropServices;
using StackExchange.Redis;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>
/// A stamp says which values are still good: 16 random bytes beside each value, set anew by every change, and written into every value that is read
/// from the database after it was seen. A value counts only while its stamp is the present one. Where old values have a use (<see cref="TaggedCache"/>), a change
/// that only makes them old renews the second half.
/// </summary>
internal static class Stamps
{
    public const int Bytes = 16;

    /// <summary>A stamp that never was before.</summary>
    public static Guid Next() => Guid.NewGuid();

    /// <summary>The stamp in these bytes, or null when they are none.</summary>
    public static Guid? Read(byte[]? bytes) => bytes is { Length: Bytes } ? new Guid(bytes) : null;

    /// <summary>Puts a new stamp in the place of whatever is there: all values read before this are void. False when the store may not know.</summary>
    /// <param name="longestLife">Of what carries the stamp, where that may live longer than the store's settings say: the stamp outlives it.</param>
    public static async Task<bool> TryRenewAsync(KeyValueStore store, string cache, string key, TimeSpan longestLife = default)
    {
        var (done, _) = await store.TryAsync(cache, "stamp", database => database.StringSetAsync(key, Next().ToByteArray(), LifeOf(store, longestLife)));
        return done;
    }

    /// <summary>Whether values of one stamp are at most old by the other: the first half is the same.</summary>
    public static bool AreRelated(Guid one, Guid other) =>
        MemoryMarshal.Read<long>(MemoryMarshal.AsBytes(new ReadOnlySpan<Guid>(in one))) == MemoryMarshal.Read<long>(MemoryMarshal.AsBytes(new ReadOnlySpan<Guid>(in other)));

    /// <summary>Renews the second half: all values read before this are old. In one command, so that it cannot undo a whole renewal. False when the store may not know.</summary>
    public static async Task<bool> TryAgeAsync(KeyValueStore store, string cache, string key, TimeSpan longestLife = default)
    {
        var (done, _) = await store.TryAsync(cache, "stamp", database =>
        {
            // Where there is none, a whole one first: half a stamp would be the same each time.
            _ = database.StringSetAsync(key, Next().ToByteArray(), LifeOf(store, longestLife), When.NotExists, CommandFlags.FireAndForget);
            var answer = database.StringSetRangeAsync(key, Bytes / 2, Next().ToByteArray()[(Bytes / 2)..]);
            _ = database.KeyExpireAsync(key, LifeOf(store, longestLife), CommandFlags.FireAndForget);
            return answer;
        });
        return done;
    }

    /// <summary>The stamp that is there; a new one (SET NX) where there is none. Null when the store cannot be told.</summary>
    /// <param name="overwrite">What is there is no stamp.</param>
    public static async Task<Guid?> EnsureAsync(KeyValueStore store, string cache, string key, bool overwrite)
    {
        var stamp = Next();
        // A short life until there is a value, or whoever guesses ids would fill the store with stamps.
        var (done, isSet) = await store.TryAsync(cache, "add", database =>
            database.StringSetAsync(key, stamp.ToByteArray(), store.Options.AbsentTimeToLive * 2, overwrite ? When.Always : When.NotExists));
        if (!done) return null;
        if (isSet) return stamp;
        var (_, present) = await store.TryAsync(cache, "get", database => database.StringGetAsync(key)); // somebody was faster
        return Read((byte[]?)present);
    }

    private static TimeSpan LifeOf(KeyValueStore store, TimeSpan longestLife) =>
        longestLife > store.Options.TimeToLive ? longestLife * 2 : store.Options.TimeToLive * 2;
}
