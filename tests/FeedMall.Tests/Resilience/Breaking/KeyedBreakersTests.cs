using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Breaking;

public sealed class KeyedBreakersTests
{
    private readonly TestClock _clock = new();

    [Fact]
    public void Each_target_and_method_has_a_breaker_of_its_own()
    {
        var breakers = Create<(string Target, string Method)>(new KeyedBreakersOptions());
        var failing = breakers.Get(("feed", "/feed.v1.Posts/GetPost"));
        for (var i = 0; i < 20; i++) failing.TryEnter().Complete(Outcome.Failure);
        Assert.Same(failing, breakers.Get(("feed", "/feed.v1.Posts/GetPost")));
        Assert.Equal(0, breakers.Get(("feed", "/feed.v1.Posts/ListPosts")).Snapshot().Requests);
        Assert.Equal(2, breakers.Count);
        Assert.Equal([0L, 20L], breakers.Snapshot().Select(entry => entry.Breaker.Failures).Order());
    }

    [Fact]
    public void A_breaker_that_nobody_asks_for_is_forgotten()
    {
        var breakers = Create<string>(new KeyedBreakersOptions());
        var idle = breakers.Get("idle");
        var busy = breakers.Get("busy");
        for (var i = 0; i < 12; i++)
        {
            Assert.Same(busy, breakers.Get("busy"));
            _clock.Advance(TimeSpan.FromMinutes(1));
        }
        Assert.Same(busy, breakers.Get("busy"));
        Assert.Equal((1, 1L), (breakers.Count, breakers.Evicted));
        Assert.NotSame(idle, breakers.Get("idle"));
    }

    [Fact]
    public void A_new_key_that_finds_no_room_takes_the_place_of_those_idle_longest()
    {
        var breakers = Create<int>(new KeyedBreakersOptions { MaxKeys = 16 });
        for (var key = 0; key < 16; key++)
        {
            breakers.Get(key);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }
        var used = breakers.Get(0);
        breakers.Get(16);
        Assert.Equal((14, 3L), (breakers.Count, breakers.Evicted));
        Assert.Same(used, breakers.Get(0));
        Assert.DoesNotContain(breakers.Snapshot(), entry => entry.Key is 1 or 2 or 3);
    }

    [Fact]
    public void Keys_without_end_stay_within_the_bound()
    {
        var breakers = Create<int>(new KeyedBreakersOptions { MaxKeys = 100 });
        for (var key = 0; key < 5000; key++)
        {
            breakers.Get(key);
            Assert.True(breakers.Count <= 100);
        }
        Assert.Equal(5000, breakers.Count + breakers.Evicted);
    }

    [Fact]
    public void A_permit_of_a_forgotten_breaker_is_given_back_as_always()
    {
        var breakers = Create<int>(new KeyedBreakersOptions { MaxKeys = 1 });
        var permit = breakers.Get(1).TryEnter();
        breakers.Get(2);
        Assert.True(permit.Complete(Outcome.Success));
        Assert.False(permit.Complete(Outcome.Success));
    }

    [Fact]
    public void A_smaller_bound_holds_from_the_next_key_on()
    {
        var breakers = Create<int>(new KeyedBreakersOptions { MaxKeys = 100 });
        for (var key = 0; key < 50; key++) breakers.Get(key);
        breakers.Options = breakers.Options with { MaxKeys = 10 };
        breakers.Get(50);
        Assert.True(breakers.Count <= 10);
        Assert.Throws<ArgumentOutOfRangeException>(() => breakers.Options = new KeyedBreakersOptions { MaxKeys = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => breakers.Options = new KeyedBreakersOptions { IdleTime = TimeSpan.Zero });
    }

    [Fact]
    public void A_dry_run_holds_for_the_breakers_that_are_there_and_for_those_made_later()
    {
        var breakers = Create<int>(new KeyedBreakersOptions());
        var early = breakers.Get(1);
        breakers.DryRun = true;
        var late = breakers.Get(2);
        Assert.True(early.DryRun && late.DryRun);
        breakers.DryRun = false;
        Assert.False(early.DryRun || late.DryRun || breakers.Get(3).DryRun);
    }

    [Fact]
    public void Eight_threads_get_the_same_breaker_for_a_key_and_lose_no_call()
    {
        var breakers = Create<int>(new KeyedBreakersOptions());
        Stress.Run((_, turn) => breakers.Get(turn % 64).TryEnter().Complete(Outcome.Success));
        Assert.Equal((64, 0L), (breakers.Count, breakers.Evicted));
        Assert.Equal(8_000_000, breakers.Snapshot().Sum(entry => entry.Breaker.Accepts));
    }

    [Fact]
    public void Getting_a_known_breaker_allocates_nothing()
    {
        var breakers = Create<(string, string)>(new KeyedBreakersOptions());
        Assert.Equal(0, Allocations.Of(() => breakers.Get(("feed", "GetPost")).TryEnter().Complete(Outcome.Success)));
    }

    private KeyedBreakers<TKey> Create<TKey>(KeyedBreakersOptions options) where TKey : notnull =>
        new(options, _ => new SreBreaker(new SreBreakerOptions(), _clock, new SystemChance()), _clock);
}
