using FeedMall.Resilience.Caching;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Caching;

public sealed class LoadingCacheTests
{
    private sealed record XFetch(double Beta, double LoadSeconds, double[][] Rows);

    private static readonly LoadingCacheOptions s_exact = new() { Jitter = 0 };

    private readonly TestClock _clock = new();
    private readonly TestChance _chance = new();
    private Func<string, Task<string?>> _source;
    private int _loads;

    public LoadingCacheTests() => _source = key => Task.FromResult<string?>($"{key}{_loads}");

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_value_is_loaded_once_and_then_served_with_its_age()
    {
        var cache = Of();
        Assert.Equal(("a1", CacheStatus.Miss, 0), await Get(cache));
        _clock.Advance(59.999);
        Assert.Equal(("a1", CacheStatus.Hit, 59.999), await Get(cache));
        Assert.Equal(1, _loads);
    }

    [Fact]
    public async Task What_is_no_longer_fresh_is_served_while_one_load_in_the_background_renews_it()
    {
        var cache = Of();
        await Get(cache);
        _clock.Advance(60);
        var renewal = Hold();
        for (var i = 0; i < 100; i++) Assert.Equal(("a1", CacheStatus.Stale, 60), await Get(cache));
        await renewal.Began.WaitAsync(Test);
        renewal.End.SetResult("new");
        Assert.Equal(("new", CacheStatus.Hit, 0), await Until(cache, CacheStatus.Hit));
        Assert.Equal(2, _loads);
    }

    [Fact]
    public async Task After_that_callers_wait_for_one_common_load()
    {
        var cache = Of();
        await Get(cache);
        _clock.Advance(90);
        var load = Hold();
        var waits = Enumerable.Range(0, 100).Select(_ => Get(cache)).ToList();
        await load.Began.WaitAsync(Test);
        load.End.SetResult("new");
        foreach (var wait in waits) Assert.Equal(("new", CacheStatus.Miss, 0), await wait);
        Assert.Equal(2, _loads);
    }

    [Fact]
    public async Task When_loading_fails_the_old_value_is_served_and_the_source_asked_once_per_interval()
    {
        var cache = Of();
        await Get(cache);
        _source = _ => throw new IOException("down");
        _clock.Advance(100);
        for (var i = 0; i < 100; i++) Assert.Equal(("a1", CacheStatus.StaleError, 100), await Get(cache));
        Assert.Equal(2, _loads);
        // min(5 s, a tenth of 60 s)
        _clock.Advance(4.999);
        Assert.Equal(CacheStatus.StaleError, (await Get(cache)).Status);
        Assert.Equal(2, _loads);
        _clock.Advance(0.002);
        Assert.Equal(CacheStatus.StaleError, (await Get(cache)).Status);
        Assert.Equal(3, _loads);

        _source = _ => Task.FromResult<string?>("healed");
        _clock.Advance(5.001);
        Assert.Equal(("healed", CacheStatus.Miss, 0), await Get(cache));
        Assert.Equal(102, cache.Snapshot().StaleErrors);
    }

    [Fact]
    public async Task A_renewal_in_the_background_that_fails_leaves_the_source_alone_too()
    {
        var cache = Of(s_exact with { TimeToLive = TimeSpan.FromSeconds(20) });
        await Get(cache);
        _source = _ => throw new IOException("down");
        _clock.Advance(21);
        Assert.Equal(CacheStatus.Stale, (await Get(cache)).Status);
        Assert.Equal(("a1", CacheStatus.StaleError, 21), await Until(cache, CacheStatus.StaleError));
        _clock.Advance(1.999); // a tenth of 20 s is 2 s
        Assert.Equal(CacheStatus.StaleError, (await Get(cache)).Status);
        Assert.Equal(2, _loads);
    }

    [Fact]
    public async Task What_is_too_old_for_errors_is_not_served()
    {
        var cache = Of(s_exact with { StaleIfError = TimeSpan.FromSeconds(100) });
        await Get(cache);
        _source = _ => throw new IOException("down");
        _clock.Advance(159);
        Assert.Equal(CacheStatus.StaleError, (await Get(cache)).Status);
        _clock.Advance(0.999);
        Assert.Equal(CacheStatus.StaleError, (await Get(cache)).Status);
        // The interval of 5 s ends with what errors may cover.
        _clock.Advance(0.001);
        await Assert.ThrowsAsync<IOException>(() => Get(cache));
        Assert.Equal(1, cache.Snapshot().Failures);
    }

    [Fact]
    public async Task A_refusal_is_not_covered_by_an_old_value()
    {
        var cache = Of(isOutage: e => e is not UnauthorizedAccessException);
        await Get(cache);
        _clock.Advance(100);
        _source = _ => throw new UnauthorizedAccessException();
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Get(cache));
    }

    [Fact]
    public async Task A_source_that_hangs_is_covered_after_the_time_limit_and_a_caller_who_leaves_gets_no_old_value()
    {
        var cache = Of();
        await Get(cache);
        _clock.Advance(100);
        var load = Hold();
        using var leaves = new CancellationTokenSource();
        var leaving = cache.GetAsync("a", leaves.Token).AsTask();
        var waiting = Get(cache);
        await load.Began.WaitAsync(Test);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        _clock.Advance(5);
        Assert.Equal(("a1", CacheStatus.StaleError, 105), await waiting);
        await Assert.ThrowsAsync<TimeoutException>(() => cache.GetAsync("b", Test, TimeSpan.Zero).AsTask());
    }

    [Fact]
    public async Task There_is_none_is_known_for_a_shorter_time_and_never_served_stale()
    {
        var cache = Of();
        _source = _ => Task.FromResult<string?>(null);
        Assert.Equal((null, CacheStatus.Miss, 0), await Get(cache));
        _clock.Advance(9.999);
        Assert.Equal((null, CacheStatus.Negative, 9.999), await Get(cache));
        _source = _ => throw new IOException("down");
        _clock.Advance(0.001);
        await Assert.ThrowsAsync<IOException>(() => Get(cache));
    }

    [Fact]
    public async Task Guessed_keys_get_a_tenth_of_the_room_and_drive_out_no_value()
    {
        var cache = Of(s_exact with { MaxEntries = 100 });
        for (var i = 0; i < 90; i++) await cache.GetAsync($"{i}", Test);
        _source = _ => Task.FromResult<string?>(null);
        for (var i = 0; i < 1000; i++) await cache.GetAsync($"guess{i}", Test);
        var snapshot = cache.Snapshot();
        Assert.Equal((90, 10, 990), (snapshot.Entries, snapshot.NegativeEntries, snapshot.Evicted));
        // What is created is there at once.
        Assert.True(cache.Set("guess999", "exists"));
        Assert.Equal(("exists", CacheStatus.Hit, 0), await Get(cache, "guess999"));
        Assert.Equal(9, cache.Snapshot().NegativeEntries);
    }

    [Fact]
    public async Task A_load_that_began_before_an_invalidation_does_not_fill()
    {
        var cache = Of();
        var (old, waits) = (Hold(), Get(cache));
        await old.Began.WaitAsync(Test);
        cache.Invalidate("a");
        _source = _ => Task.FromResult<string?>("new");
        Assert.Equal(("new", CacheStatus.Miss, 0), await Get(cache));
        old.End.SetResult("old");
        Assert.Equal(("old", CacheStatus.Miss, 0), await waits);
        Assert.Equal(("new", CacheStatus.Hit, 0), await Get(cache));
        Assert.Equal(1, cache.Snapshot().Outdated);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_load_that_began_before_a_write_does_not_overwrite_it(bool all)
    {
        var cache = Of();
        var (old, waits) = (Hold(), Get(cache));
        await old.Began.WaitAsync(Test);
        if (all) cache.InvalidateAll();
        cache.Set("a", "written");
        old.End.SetResult("old");
        await waits;
        Assert.Equal(("written", CacheStatus.Hit, 0), await Get(cache));
    }

    [Fact]
    public async Task A_load_that_was_given_up_before_an_invalidation_does_not_fill_either()
    {
        var cache = Of();
        var old = Hold();
        using var leaves = new CancellationTokenSource();
        var leaving = cache.GetAsync("a", leaves.Token).AsTask();
        await old.Began.WaitAsync(Test);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        cache.Invalidate("a");
        old.End.SetResult("old");
        while (cache.Snapshot().Loads.Running > 0) await Task.Yield();
        Assert.Equal((0, 1), (cache.Snapshot().Entries, cache.Snapshot().Outdated));
    }

    [Fact]
    public async Task Writers_in_any_order_leave_the_newest_version()
    {
        var cache = Of(versionOf: value => long.Parse(value!, System.Globalization.CultureInfo.InvariantCulture));
        Assert.True(cache.Set("a", "2"));
        Assert.False(cache.Set("a", "1"));
        Assert.Equal("2", (await Get(cache)).Value);
        Assert.True(cache.Set("a", "3"));
        // What is no longer fresh counts for nothing: a source that was put back to an older state must be heard.
        _clock.Advance(60);
        Assert.True(cache.Set("a", "1"));
    }

    [Fact]
    public async Task The_heavy_are_bounded_by_their_weight()
    {
        var cache = Of(s_exact with { MaxWeight = 100, NegativeShare = 0.1 }, weightOf: (_, value) => value!.Length);
        Assert.False(cache.Set("big", new string('x', 91)));
        for (var i = 0; i < 50; i++) Assert.True(cache.Set($"{i}", new string('x', 30)));
        Assert.Equal((3, 90), (cache.Snapshot().Entries, cache.Snapshot().Weight));
        cache.Options = s_exact with { MaxWeight = 50 };
        Assert.Equal((1, 30), (cache.Snapshot().Entries, cache.Snapshot().Weight));
        Assert.Throws<ArgumentOutOfRangeException>("MaxEntries", () => cache.Options = s_exact with { MaxEntries = 1 });
        Assert.Equal(CacheStatus.Hit, (await Get(cache, "49")).Status);
    }

    [Fact]
    public async Task A_value_is_renewed_early_as_likely_as_published()
    {
        var vectors = Vectors.Read<XFetch>("xfetch");
        foreach (var row in vectors.Rows)
        {
            // Exactly the chance of the table and a bit less decide.
            foreach (var (u, renews) in new[] { (row[1] - 0.0002, true), (row[1] + 0.0002, row[1] == 1) })
            {
                _source = async key =>
                {
                    _clock.Advance(vectors.LoadSeconds);
                    await Task.CompletedTask;
                    return key;
                };
                var cache = Of(s_exact with { EarlyRefresh = vectors.Beta }, new TestChance(Math.Min(u, 0.9999)));
                await Get(cache);
                _clock.Advance(60 - Math.Max(row[0], 1e-6));
                _source = key => Task.FromResult<string?>(key);
                Assert.Equal(CacheStatus.Hit, (await Get(cache)).Status);
                Assert.Equal(renews ? 2 : 1, cache.Snapshot().Loads.Begun);
            }
        }
    }

    [Fact]
    public async Task A_hit_allocates_nothing()
    {
        var cache = Of(s_exact with { EarlyRefresh = 1 });
        await Get(cache);
        Assert.Equal(0, Allocations.Of(() => Check(cache.GetAsync("a"))));

        static void Check(ValueTask<Cached<string?>> get) => Assert.True(get.IsCompletedSuccessfully);
    }

    [Fact]
    public void It_is_never_larger_than_its_bound_and_serves_nothing_old_as_fresh() =>
        // Each step: a key; what happens (0 time passes, 1 invalidate, 2 set, 3 the source is gone, 4 it has none, else get); how much of it.
        Prop.ForAll(Gen.Choose(0, 20).Zip(Gen.Choose(0, 14)).Zip(Gen.Choose(1, 40)).ListOf().ToArbitrary(),
            steps => HoldsAsync(steps.Select(step => (step.Item1.Item1, step.Item1.Item2, step.Item2))).GetAwaiter().GetResult()).QuickCheckThrowOnFailure();

    private async Task<bool> HoldsAsync(IEnumerable<(int Key, int Act, int Much)> steps)
    {
        var options = s_exact with { MaxEntries = 10, MaxWeight = 40, NegativeShare = 0.2, Jitter = 0.1 };
        var cache = Of(options, weightOf: (key, _) => key.Length);
        foreach (var (number, act, much) in steps)
        {
            var key = new string('k', number % 7 + 1) + number;
            var mode = much % 3;
            _source = _ => mode switch { 0 => throw new IOException(), 1 => Task.FromResult<string?>(null), _ => Task.FromResult<string?>("v") };
            if (act == 0) _clock.Advance(much);
            else if (act == 1) cache.Invalidate(key);
            else if (act == 2) cache.Set(key, "v");
            else
            {
                try
                {
                    var (value, status, age) = await cache.GetAsync(key, Test);
                    Assert.True(status switch
                    {
                        CacheStatus.Hit => value is not null && age.TotalSeconds < 66,
                        CacheStatus.Negative => value is null && age.TotalSeconds < 11,
                        CacheStatus.Stale => value is not null && age.TotalSeconds is >= 54 and < 96,
                        CacheStatus.StaleError => value is not null && age.TotalSeconds >= 54,
                        _ => age == TimeSpan.Zero,
                    }, $"{value} {status} {age}");
                }
                catch (IOException) when (mode == 0)
                {
                    // The source's own.
                }
            }
            // Renewals in the background end before the next step, so that a run repeats.
            while (cache.Snapshot().Loads.Running > 0) await Task.Yield();
            var snapshot = cache.Snapshot();
            Assert.True(snapshot is { Entries: <= 8, NegativeEntries: <= 2, Weight: <= 40 }, $"{snapshot}");
        }
        return true;
    }

    [Fact]
    public async Task Many_threads_get_what_belongs_to_their_key()
    {
        var cache = new LoadingCache<int, string>(new LoadingCacheOptions { MaxEntries = 500, EarlyRefresh = 1 },
            (key, _) => Task.FromResult($"{key}"), TimeProvider.System, new FeedMall.Resilience.SystemChance());
        var keys = Enumerable.Range(0, 400).Select(key => $"{key}").ToArray();
        foreach (var key in Enumerable.Range(0, 400)) await cache.GetAsync(key, Test);
        var waits = new System.Collections.Concurrent.ConcurrentBag<Task>();
        Stress.Run((thread, turn) =>
        {
            var key = (turn * 31 + thread) % 400;
            if (turn % 10_000 == 0) cache.Invalidate(key);
            else if (turn % 10_000 == 1) cache.Set(key, keys[key]);
            var get = cache.GetAsync(key, Test);
            if (get.IsCompletedSuccessfully) Assert.Equal(keys[key], get.GetAwaiter().GetResult().Value);
            else waits.Add(get.AsTask());
        });
        await Task.WhenAll(waits).WaitAsync(Test);
        while (cache.Snapshot().Loads.Running > 0) await Task.Yield();
        var snapshot = cache.Snapshot();
        Assert.Equal(8_000_400, snapshot.Hits + snapshot.Misses + snapshot.Stale + snapshot.StaleErrors + snapshot.Negatives);
        Assert.InRange(snapshot.Entries, 300, 400);
    }

    private (Task Began, TaskCompletionSource<string?> End) Hold()
    {
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var end = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _source = _ =>
        {
            began.TrySetResult();
            return end.Task;
        };
        return (began.Task, end);
    }

    private LoadingCache<string, string?> Of(
        LoadingCacheOptions? options = null, TestChance? chance = null, Func<Exception, bool>? isOutage = null,
        Func<string?, long>? versionOf = null, Func<string, string?, long>? weightOf = null) =>
        new(options ?? s_exact, (key, _) =>
        {
            Interlocked.Increment(ref _loads);
            return _source(key);
        }, _clock, chance ?? _chance)
        {
            IsOutage = isOutage ?? (_ => true), VersionOf = versionOf ?? (_ => 0), WeightOf = weightOf ?? ((_, _) => 1),
        };

    private static async Task<(string? Value, CacheStatus Status, double Age)> Get(LoadingCache<string, string?> cache, string key = "a")
    {
        var (value, status, age) = await cache.GetAsync(key, Test);
        return (value, status, Math.Round(age.TotalSeconds, 3));
    }

    private static async Task<(string? Value, CacheStatus Status, double Age)> Until(LoadingCache<string, string?> cache, CacheStatus status)
    {
        while (true)
        {
            var answer = await Get(cache);
            if (answer.Status == status) return answer;
            await Task.Yield();
        }
    }
}

internal static class Seconds
{
    public static void Advance(this TestClock clock, double seconds) => clock.Advance(TimeSpan.FromSeconds(seconds));
}
