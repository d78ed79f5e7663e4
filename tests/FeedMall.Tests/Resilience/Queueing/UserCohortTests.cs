using FeedMall.Resilience.Queueing;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Queueing;

public sealed class UserCohortTests
{
    private readonly TestClock _clock = new();

    [Fact]
    public void A_user_stays_in_a_cohort_for_an_hour_and_all_copies_agree()
    {
        var (here, there) = (new UserCohort(_clock), new UserCohort(new TestClock()));
        var before = Enumerable.Range(0, 1000).Select(user => (here.Of(user), here.Of($"user-{user}"))).ToList();
        _clock.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(before, Enumerable.Range(0, 1000).Select(user => (here.Of(user), here.Of($"user-{user}"))));
        Assert.Equal(before, Enumerable.Range(0, 1000).Select(user => (there.Of(user), there.Of($"user-{user}"))));
        _clock.Advance(TimeSpan.FromMinutes(1));
        // By chance 1 in 64 stays.
        Assert.InRange(Enumerable.Range(0, 1000).Count(user => here.Of(user) == before[user].Item1), 2, 50);
    }

    [Fact]
    public void Cohorts_are_of_about_the_same_size()
    {
        var cohorts = new UserCohort(_clock);
        var numbers = Enumerable.Range(0, 64_000).CountBy(user => cohorts.Of(user)).ToList();
        var names = Enumerable.Range(0, 64_000).CountBy(user => cohorts.Of($"u{user}")).ToList();
        Assert.Equal(UserCohort.Count, numbers.Count);
        Assert.Equal(UserCohort.Count, names.Count);
        Assert.All(numbers.Concat(names), cohort => Assert.InRange(cohort.Value, 850, 1150));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        var cohorts = new UserCohort(TimeProvider.System);
        Assert.Equal(0, Allocations.Of(() => _ = cohorts.Of("somebody") + cohorts.Of(7)));
    }

    [Theory]
    [InlineData("critical_plus", Criticality.CriticalPlus)]
    [InlineData("critical", Criticality.Critical)]
    [InlineData("SHEDDABLE_PLUS", Criticality.SheddablePlus)]
    [InlineData("sheddable", Criticality.Sheddable)]
    public void Tiers_have_texts(string text, Criticality tier)
    {
        Assert.True(CriticalityTexts.TryParse(text, out var parsed));
        Assert.Equal(tier, parsed);
        Assert.Equal(text, tier.Text(), ignoreCase: true);
    }

    [Theory]
    [InlineData("")]
    [InlineData("critical ")]
    [InlineData("0")]
    public void An_unknown_tier_is_the_default(string text)
    {
        Assert.False(CriticalityTexts.TryParse(text, out var parsed));
        Assert.Equal(Criticality.Critical, parsed);
    }
}
