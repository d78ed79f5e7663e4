using System.Diagnostics.CodeAnalysis;

namespace FeedMall.Resilience.Caching;

/// <summary>What a <see cref="HotKeyCache{TValue}"/> holds and has done.</summary>
/// <param name="Copies">Values that are kept.</param>
/// <param name="Hits">Answers from them.</param>
/// <param name="Misses">Keys that had to be asked for elsewhere.</param>
/// <param name="Evicted">Copies that made room for others.</param>
/// <param name="HotKeys">The most frequent keys.</param>
public sealed record HotKeySnapshot(int Copies, long Hits, long Misses, long Evicted, IReadOnlyList<HotKey> HotKeys);

/// <summary>
/// Short-lived copies of the hottest keys in this process, in front of a remote cache, so that one key that everybody wants does not overload the
/// shard that holds it. (ALGORITHMS §10.7.) <see cref="TryGet"/> first; after a miss ask the remote cache, and <see cref="Offer"/> what it answered.
/// </summary>
/// <remarks>A copy may be as old as the time to live. Thread safe; a read takes no lock and allocates nothing for known keys.</remarks>
public sealed class HotKeyCache<TValue>
{
    private sealed record Copy(TValue Value, long Until);

    // What the options say, replaced as a whole.
    private sealed record Rules(HotKeyOptions Options, KeyList Always, KeyList Never, long Ticks)
    {
        public static Rules Of(HotKeyOptions options, TimeProvider clock)
        {
            options.Check();
            return new(options, new KeyList(options.Always, nameof(options.Always)), new KeyList(options.Never, nameof(options.Never)),
                (long)(options.TimeToLive.TotalSeconds * clock.TimestampFrequency));
        }
    }

    // Guards changes of _copies, and of the options.
    private readonly Lock _gate = new();
    private readonly EvictingMap<string, Copy> _copies;
    private readonly HeavyKeeper _hot;
    private readonly TimeProvider _clock;
    private Rules _rules;
    private long _hits, _misses;

    /// <summary>Without copies. Checks the options.</summary>
    public HotKeyCache(HotKeyOptions options, TimeProvider clock, IChance chance)
    {
        _rules = Rules.Of(options, clock);
        _copies = new EvictingMap<string, Copy>(options.Capacity, long.MaxValue);
        _hot = new HeavyKeeper(options.Hot, clock, chance) { Expelled = Remove };
        _clock = clock;
    }

    /// <summary>
    /// May be set at any time; what was counted stays. Copies that are there are used as long as was said when they came, but for those that no longer fit or whose key is
    /// never copied now. What of <see cref="HotKeyOptions.Hot"/> cannot change: <see cref="HeavyKeeper.Options"/>.
    /// </summary>
    /// <exception cref="ArgumentException">Out of range, or cannot change.</exception>
    public HotKeyOptions Options
    {
        get => Volatile.Read(ref _rules).Options;
        set
        {
            var rules = Rules.Of(value, _clock);
            // Expels keys, which takes _gate for each: the same lock may be entered again.
            lock (_gate)
            {
                _hot.Options = value.Hot;
                Volatile.Write(ref _rules, rules);
                foreach (var key in _copies.Keys)
                    if (rules.Never.Contains(key)) _copies.Remove(key);
                _copies.Resize(value.Capacity, long.MaxValue);
            }
        }
    }

    /// <summary>Counts the key, and answers its copy if there is one.</summary>
    public bool TryGet(string key, [MaybeNullWhen(false)] out TValue value)
    {
        _hot.Add(key);
        if (_copies.TryGet(key, out var copy) && _clock.GetTimestamp() < copy.Until)
        {
            Interlocked.Increment(ref _hits);
            value = copy.Value;
            return true;
        }
        Interlocked.Increment(ref _misses);
        value = default;
        return false;
    }

    /// <summary>Copies what the remote cache answered, if the key is hot or listed.</summary>
    /// <returns>Whether it is kept.</returns>
    public bool Offer(string key, TValue value)
    {
        if (key.Length > HeavyKeeper.MaxKeyLength) return false;
        var rules = Volatile.Read(ref _rules);
        if (!(_hot.IsHot(key) || rules.Always.Contains(key)) || rules.Never.Contains(key)) return false;
        var copy = new Copy(value, _clock.GetTimestamp() + rules.Ticks);
        // Not by rules that were replaced meanwhile.
        lock (_gate) return ReferenceEquals(rules, _rules) && _copies.Set(key, copy, weight: 1);
    }

    /// <summary>Drops the copy of a key, for example after this process wrote it.</summary>
    public void Remove(string key)
    {
        lock (_gate) _copies.Remove(key);
    }

    /// <summary>What it holds and has done.</summary>
    public HotKeySnapshot Snapshot()
    {
        lock (_gate) return new(_copies.Count, Interlocked.Read(ref _hits), Interlocked.Read(ref _misses), _copies.Evicted, _hot.Snapshot());
    }
}
