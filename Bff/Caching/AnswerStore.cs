using FeedMall.Bff.Protection;
using FeedMall.Resilience;
using FeedMall.Resilience.Caching;
using FeedMall.ServiceDefaults.KeyValue;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Caching;

/// <summary>
/// Where ASP.NET Core's output caching keeps answers: in this process, and in the key-value store that all copies of the service share. With the store down the
/// local tier goes on alone.
/// </summary>
/// <remarks>
/// The framework knows only "there" and "not there". That an answer is stale and may still be used, and that a hot one is not asked for at the store each time, is
/// decided here; <see cref="AnswerLookup"/> takes the finding out.
/// </remarks>
internal sealed class AnswerStore : IOutputCacheStore, IDisposable
{
    // Longer than most answers take: who waited so long makes it himself.
    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(300);
    // What a route may set at most.
    private static readonly TimeSpan s_longestFresh = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(5);

    private readonly AsyncLocal<AnswerLookup?> _current = new();
    private readonly TaggedCache _common;
    private readonly LocalAnswers _local;
    private readonly IOptionsMonitor<ProtectionOptions> _options;
    private readonly TtlJitter _jitter = new(0.1);
    private readonly TimeProvider _clock;
    private readonly IChance _chance;
    private long _hits, _misses, _stale, _staleErrors, _withoutStore;

    public AnswerStore(KeyValueStore store, IOptionsMonitor<ProtectionOptions> options, TimeProvider clock, IChance chance)
    {
        var cache = options.CurrentValue.Cache;
        (_common, _options, _clock, _chance) = (new TaggedCache("answer", store), options, clock, chance);
        _local = new LocalAnswers(cache.LocalBytes, new HotKeyOptions { TimeToLive = cache.HotTime }, clock, chance);
    }

    /// <summary>The lookup of the request that this code handles, or null. Setting it holds for this asynchronous flow only.</summary>
    public AnswerLookup? Current
    {
        get => _current.Value;
        set => _current.Value = value;
    }

    /// <summary>For the governor.</summary>
    public object Snapshot() => new
    {
        Hits = Volatile.Read(ref _hits), Misses = Volatile.Read(ref _misses), Stale = Volatile.Read(ref _stale), StaleErrors = Volatile.Read(ref _staleErrors), WithoutStore = Volatile.Read(ref _withoutStore),
        Kept = _local.Count, Hot = _local.Snapshot(),
    };

    public ValueTask<byte[]?> GetAsync(string key, CancellationToken cancellationToken) => new(Current?.Found);

    /// <summary>Looks for the answer, and notes what it found. The framework then asks for it.</summary>
    public async ValueTask LookUpAsync(AnswerLookup lookup)
    {
        if (!lookup.IsFill) lookup.Generation = _local.Generation;
        var answer = _local.FindHot(lookup.Key) is { } hot && IsFresh(hot) ? hot : await FindAsync(lookup.Key, lookup);
        var now = Now;
        // A flight is there to make a fresh one; only another copy of the service can have made it just now.
        if (answer is null || now >= (lookup.IsFill ? answer.FreshUntil : answer.StaleUntil))
        {
            // A flight looks for what its callers have missed already.
            if (!lookup.IsFill) Interlocked.Increment(ref _misses);
            lookup.TooOld = answer;
            return;
        }
        lookup.FreshFor = TimeSpan.FromMilliseconds(answer.FreshUntil - now);
        lookup.Outcome = now < answer.FreshUntil ? CacheOutcome.Hit : CacheOutcome.Stale;
        Interlocked.Increment(ref lookup.Outcome == CacheOutcome.Hit ? ref _hits : ref _stale);
        lookup.Found = answer.Body;
    }

    public async ValueTask SetAsync(string key, byte[] value, string[]? tags, TimeSpan validFor, CancellationToken cancellationToken)
    {
        if (Current is not { IsFill: true } lookup) return;
        var cache = _options.CurrentValue.Cache;
        var freshUntil = Now + (long)_jitter.Apply(validFor, _chance).TotalMilliseconds;
        var answer = new Answer(freshUntil, freshUntil + (long)cache.StaleWhileRevalidate.TotalMilliseconds, value);
        // Not to the other copies of the service either what is of no use to this one.
        if (!_local.TrySet(lookup, answer, validFor + cache.StaleIfError)) return;
        if (lookup.Stamps is { } stamps) await _common.SetAsync(lookup.Key, lookup.Tags, stamps, answer.Write(), validFor + cache.StaleIfError);
    }

    public async ValueTask EvictByTagAsync(string tag, CancellationToken cancellationToken)
    {
        _local.Evict(tag);
        await _common.EvictAsync(tag, LongestLife);
        // Once more: what this copy read from the store in between was begun before.
        _local.Evict(tag);
    }

    /// <summary>Makes what carries the tag old: it is made anew, and given only when that fails.</summary>
    public async ValueTask AgeByTagAsync(string tag)
    {
        _local.Age(tag);
        await _common.AgeAsync(tag, LongestLife);
        _local.Age(tag);
    }

    /// <summary>Takes the answer whatever its age, because no other one can be made.</summary>
    public void UseCopy(AnswerLookup lookup)
    {
        if (lookup.TooOld is not { } copy) return;
        Interlocked.Increment(ref _staleErrors);
        (lookup.Found, lookup.Outcome, lookup.FreshFor) = (copy.Body, CacheOutcome.StaleError, TimeSpan.FromMilliseconds(copy.FreshUntil - Now));
    }

    /// <summary>For a while no new answer is made, because that has just failed. (ALGORITHMS §10.2.)</summary>
    public void Pause(AnswerLookup lookup, Refusal refusal, TimeSpan time) => _local.Pause(lookup.Key, refusal, time);

    /// <summary>How making a new answer has just failed; null: it did not.</summary>
    public Refusal? FindFailure(AnswerLookup lookup) => _local.FindFailure(lookup.Key);

    /// <summary>Rises with every change, on this copy of the service, of what the answer is made of.</summary>
    public long VersionOf(AnswerLookup lookup) => _local.VersionOf(lookup.Tags);

    /// <summary>Makes what is begun now storable: notes what stands at its tags.</summary>
    public async Task BeginAsync(AnswerLookup fill, TagStamps? known)
    {
        fill.Generation = _local.Generation;
        fill.Stamps = await _common.StampAsync(fill.Tags, known);
    }

    /// <summary>Runs what makes an answer when it is this copy's turn: of all copies that lack it at the same time, one makes it, and the others find it then.</summary>
    public async Task TakeTurnAsync(AnswerLookup fill, Func<Task> make, CancellationToken cancellation)
    {
        var startedAt = _clock.GetTimestamp();
        bool? isOurs;
        while ((isOurs = await _common.TryTakeTurnAsync(fill.Key, s_turn)) == false && _clock.GetElapsedTime(startedAt) < s_turn)
        {
            await Task.Delay(s_poll, _clock, cancellation);
            await LookUpAsync(fill);
            if (fill.Found is not null) break;
        }
        try
        {
            // Who had the turn before may have stored the answer since it was found missing here.
            if (isOurs == true) await LookUpAsync(fill);
            await make();
        }
        finally
        {
            if (isOurs == true) await _common.EndTurnAsync(fill.Key);
        }
    }

    public void Dispose() => _local.Dispose();

    private async ValueTask<Answer?> FindAsync(string key, AnswerLookup lookup)
    {
        if (!_common.IsEnabled) return _local.FindKept(key, null);
        var read = await _common.FindAsync(key, lookup.Tags);
        if (!lookup.IsFill) lookup.Stamps = read.Stamps;
        if (!read.IsAnswered)
        {
            Interlocked.Increment(ref _withoutStore);
            return _local.FindKept(key, null);
        }
        if (Answer.TryRead(read.Value) is not { } answer) return _local.FindKept(key, read.Stamps);
        if (read.IsOld) return answer.AsOld(Now);
        _local.TrySet(lookup, answer, _options.CurrentValue.Cache.StaleIfError);
        return answer;
    }

    private TimeSpan LongestLife => s_longestFresh + _options.CurrentValue.Cache.StaleIfError;

    private long Now => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    private bool IsFresh(Answer answer) => Now < answer.FreshUntil;
}
