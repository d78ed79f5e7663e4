using System.Collections.Concurrent;
using FeedMall.Bff.Protection;
using FeedMall.Resilience;
using FeedMall.Resilience.Caching;
using FeedMall.ServiceDefaults.KeyValue;
using Microsoft.Extensions.Caching.Memory;

namespace FeedMall.Bff.Caching;

/// <summary>
/// The answers that this copy of the service keeps itself: copies of hot ones for a moment, and the last good ones for when the common store is gone. Bounded in
/// bytes. What was evicted here is not believed any more, nor what was begun to be made before and comes later; what has aged is only good when there is no other.
/// </summary>
internal sealed class LocalAnswers(long maxBytes, HotKeyOptions hot, TimeProvider clock, IChance chance) : IDisposable
{
    private const int MaxTags = 100_000;

    private sealed record Kept(Answer Answer, string[] Tags, long Generation, TagStamps? Stamps);

    // The counts of changes when a tag was last evicted, and when it last aged.
    private readonly record struct Changes(long Evicted, long Aged);

    private const int MaxPauses = 10_000;

    private readonly MemoryCache _kept = new(new MemoryCacheOptions { SizeLimit = maxBytes, CompactionPercentage = 0.1 });
    private readonly MemoryCache _pauses = new(new MemoryCacheOptions { SizeLimit = MaxPauses });
    private readonly HotKeyCache<Kept> _hot = new(hot, clock, chance);
    // By tag. Cleared when there are too many: then all that is older counts as evicted.
    private readonly ConcurrentDictionary<string, Changes> _changes = new(StringComparer.Ordinal);
    private long _generation;
    private long _floor;

    /// <summary>To be read before an answer is begun to be made.</summary>
    public long Generation => Volatile.Read(ref _generation);

    /// <summary>The generation of the last change of one of the tags.</summary>
    public long VersionOf(string[] tags)
    {
        var version = Volatile.Read(ref _floor);
        foreach (var tag in tags)
            if (_changes.TryGetValue(tag, out var changes)) version = Math.Max(version, Math.Max(changes.Evicted, changes.Aged));
        return version;
    }

    /// <summary>Of the copies of hot answers.</summary>
    public HotKeySnapshot Snapshot() => _hot.Snapshot();

    /// <summary>Answers that are kept for bad times.</summary>
    public int Count => _kept.Count;

    /// <summary>Counts the key, and finds the copy of a hot answer.</summary>
    public Answer? FindHot(string key) => _hot.TryGet(key, out var kept) && StateOf(kept) == State.Good ? kept.Answer : null;

    /// <summary>Finds the last good answer.</summary>
    /// <param name="present">What stands at its tags in the common store; null: the store does not answer.</param>
    public Answer? FindKept(string key, TagStamps? present)
    {
        if (!_kept.TryGetValue(key, out Kept? kept)) return null;
        var state = StateOf(kept!);
        if (state == State.Void) return null;
        if (present is null) return state == State.Good ? kept!.Answer : kept!.Answer.AsOld(Now);
        // The store has lost it. Nobody knows what happened to it since, unless its tags say that it was voided.
        return present.MayBeOldOf(kept!.Stamps) ? kept.Answer.AsOld(Now) : null;
    }

    /// <summary>Keeps an answer, unless it is void, or old while there is a good one.</summary>
    /// <returns>Whether it does.</returns>
    public bool TrySet(AnswerLookup lookup, Answer answer, TimeSpan timeToLive)
    {
        var kept = new Kept(answer, lookup.Tags, lookup.Generation, lookup.Stamps);
        var state = StateOf(kept);
        if (state == State.Void || (state == State.Old && _kept.TryGetValue(lookup.Key, out Kept? present) && StateOf(present!) == State.Good)) return false;
        _hot.Offer(lookup.Key, kept);
        using var entry = _kept.CreateEntry(lookup.Key);
        (entry.Value, entry.Size, entry.AbsoluteExpirationRelativeToNow) = (kept, answer.Body.Length + 2 * lookup.Key.Length + 200, timeToLive);
        return true;
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
    public void Evict(string tag) => Note(tag, static (_, generation) => new Changes(generation, generation));

    /// <summary>Makes what carries the tag old.</summary>
    public void Age(string tag) => Note(tag, static (present, generation) => present with { Aged = generation });

    public void Dispose()
    {
        _kept.Dispose();
        _pauses.Dispose();
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private void Note(string tag, Func<Changes, long, Changes> change)
    {
        var generation = Interlocked.Increment(ref _generation);
        if (_changes.Count >= MaxTags)
        {
            // First the floor, so that nothing counts as good in between.
            Volatile.Write(ref _floor, generation);
            _changes.Clear();
        }
        _changes.AddOrUpdate(tag, static (_, by) => by.Change(default, by.Generation), static (_, present, by) => by.Change(present, by.Generation), (Change: change, Generation: generation));
    }

    private State StateOf(Kept kept)
    {
        if (kept.Generation < Volatile.Read(ref _floor)) return State.Void;
        var state = State.Good;
        foreach (var tag in kept.Tags)
        {
            if (!_changes.TryGetValue(tag, out var changes)) continue;
            if (changes.Evicted > kept.Generation) return State.Void;
            if (changes.Aged > kept.Generation) state = State.Old;
        }
        return state;
    }

    private enum State
    {
        Good,
        Old,
        Void,
    }
}
