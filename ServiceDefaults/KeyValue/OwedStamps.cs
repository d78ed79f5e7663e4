using System.Collections.Concurrent;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>
/// The keys of what was changed while the store could not be told so. Until it was told, this process does not believe what the store has under them.
/// </summary>
/// <param name="longestLife">After this long, whatever the store had is gone.</param>
/// <param name="clock">Time.</param>
internal sealed class OwedStamps(TimeSpan longestLife, TimeProvider clock)
{
    private const int MaxKeys = 10_000;
    private static readonly TimeSpan s_later = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, Debt> _debts = new();
    // Timestamp until which nothing in the store is believed, because there were too many keys to remember. 0: it is.
    private long _distrustUntil;

    public int Count => _debts.Count;

    /// <summary>Whether what the store has under this key may be older than a change by this process.</summary>
    public bool Includes(string key)
    {
        var until = Volatile.Read(ref _distrustUntil);
        if (until != 0 && clock.GetTimestamp() < until) return true;
        return !_debts.IsEmpty && _debts.ContainsKey(key);
    }

    /// <summary>Remembers a key to be told about.</summary>
    /// <param name="cache">Whose key it is.</param>
    /// <param name="key">The key.</param>
    /// <param name="atOnce">False: only after a while, because the change itself may still be on its way.</param>
    public void Add(string cache, string key, bool atOnce)
    {
        if (_debts.Count >= MaxKeys && !_debts.ContainsKey(key))
        {
            Volatile.Write(ref _distrustUntil, clock.GetTimestamp() + (long)(longestLife.TotalSeconds * clock.TimestampFrequency));
            return;
        }
        _debts[key] = new Debt(cache, clock.GetTimestamp() + (atOnce ? 0 : (long)(s_later.TotalSeconds * clock.TimestampFrequency)));
    }

    /// <summary>Tells about all that is due.</summary>
    /// <param name="tell">Whether the store knows now.</param>
    public async Task PayAsync(Func<string, string, Task<bool>> tell)
    {
        foreach (var (key, debt) in _debts)
        {
            if (clock.GetTimestamp() < debt.DueAt) continue;
            if (!await tell(debt.Cache, key)) return;
            // Not if it was changed once more meanwhile.
            _debts.TryRemove(new KeyValuePair<string, Debt>(key, debt));
        }
    }

    private sealed record Debt(string Cache, long DueAt);
}
