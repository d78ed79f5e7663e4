using System.Collections.Concurrent;
using FeedMall.Bff.Protection;
using FeedMall.Resilience;
using FeedMall.Resilience.Caching;
using Microsoft.Extensions.Caching.Memory;

namespace FeedMall.Bff.Caching;

/// <summary>
/// The answers that this copy of the service keeps itself: copies of hot ones for a moment, and the last good ones for when the common store is gone. Bounded in
/// bytes. What was evicted here is not believed any more, nor what was begun to be made before and comes later.
/// </summary>
internal sealed class LocalAnswers : IDisposable
{
    private const int MaxTags = 100_000;

    private sealed record Kept(Answer Answer, string[] Tags, long Generation);

    private const int MaxPauses = 10_000;

    private readonly MemoryCache _kept;
    private readonly MemoryCache _pauses = new(new MemoryCacheOptions { SizeLimit = MaxPauses });
    private readonly HotKeyCache<Kept> _hot;
    // The count of evictions when a tag was last evicted. Cleared when there are too many: then all that is older counts as evicted.
    private readonly ConcurrentDictionary<string, long> _evicted = new(StringComparer.Ordinal);
    private long _generation;
    private long _floor;

    public LocalAnswers(long maxBytes, HotKeyOptions hot, TimeProvider clock, IChance chance)
    {
        _kept = new MemoryCache(new MemoryCacheOptions { SizeLimit = maxBytes, CompactionPercentage = 0.1 });
        _hot = new HotKeyCache<Kept>(hot, clock, chance);
    }

    /// <summary>To be read before an answer is begun to be made.</summary>
    public long Generation => Volatile.Read(ref _generation);

    /// <summary>Of the copies of hot answers.</summary>
    public HotKeySnapshot Snapshot() => _hot.Snapshot();

    /// <summary>Answers that are kept for bad times.</summary>
    public int Count => _kept.Count;

    /// <summary>Counts the key, and finds the copy of a hot answer.</summary>
    public Answer? FindHot(string key) => _hot.TryGet(key, out var kept) && IsGood(kept) ? kept.Answer : null;

    /// <summary>Finds the last good answer.</summary>
    public Answer? FindKept(string key) => _kept.TryGetValue(key, out Kept? kept) && IsGood(kept!) ? kept!.Answer : null;

    public void Set(string key, string[] tags, Answer answer, long generation, TimeSpan timeToLive)
    {
        var kept = new Kept(answer, tags, generation);
        if (!IsGood(kept)) return;
        _hot.Offer(key, kept);
        using var entry = _kept.CreateEntry(key);
        (entry.Value, entry.Size, entry.AbsoluteExpirationRelativeToNow) = (kept, answer.Body.Length + 2 * key.Length + 200, timeToLive);
    }

    /// <summary>Remembers for a while that the answer could not be made; the time of one that is remembered already does not change.</summary>
    public void Pause(string key, Refusal refusal, TimeSpan time)
    {
        if (FindFailure(key) is not null) return;
        using var entry = _pauses.CreateEntry(key);
        (entry.Value, entry.Size, entry.AbsoluteExpirationRelativeToNow) = (refusal, 1, time);
    }

    /// <summary>Finds it.</summary>
    public Refusal? FindFailure(string key) => _pauses.TryGetValue(key, out Refusal? refusal) ? refusal : null;

    /// <summary>Voids what carries the tag.</summary>
    public void Evict(string tag)
    {
        var generation = Interlocked.Increment(ref _generation);
        if (_evicted.Count >= MaxTags)
        {
            // First the floor, so that nothing counts as good in between.
            Volatile.Write(ref _floor, generation);
            _evicted.Clear();
        }
        _evicted[tag] = generation;
    }

    public void Dispose()
    {
        _kept.Dispose();
        _pauses.Dispose();
    }

    private bool IsGood(Kept kept)
    {
        if (kept.Generation < Volatile.Read(ref _floor)) return false;
        foreach (var tag in kept.Tags)
            if (_evicted.TryGetValue(tag, out var evicted) && evicted > kept.Generation) return false;
        return true;
    }
}
