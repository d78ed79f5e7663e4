using FeedMall.Resilience.Queueing;
using Xunit;

namespace FeedMall.Tests.Resilience.Queueing;

public sealed class WaterlineTests
{
    private static readonly int s_top = Waterline.LevelOf(Criticality.Sheddable, UserCohort.Count - 1);
    private readonly Waterline _line = new();

    [Fact]
    public void Without_refusals_there_is_no_line()
    {
        Offer(1000);
        _line.Draw(admitted: 400, refused: 0, margin: 1.1);
        Assert.Equal(s_top, _line.Line);
    }

    [Fact]
    public void It_sinks_until_little_more_comes_through_than_is_admitted_and_keeps_the_high_tiers()
    {
        for (var interval = 0; interval < 5; interval++)
        {
            Offer(10);
            _line.Draw(admitted: 400, refused: 100, margin: 1.25);
        }
        // 2560 are offered, ten at each of 256 levels: 50 levels make 500.
        Assert.Equal(49, _line.Line);
        Assert.True(_line.Admits(Waterline.LevelOf(Criticality.CriticalPlus, 49)));
        Assert.False(_line.Admits(Waterline.LevelOf(Criticality.CriticalPlus, 50)));
        Assert.False(_line.Admits(Waterline.LevelOf(Criticality.Critical, 0)));
    }

    [Fact]
    public void It_rises_when_nothing_is_refused_and_is_gone_when_all_of_it_can_be_done()
    {
        It_sinks_until_little_more_comes_through_than_is_admitted_and_keeps_the_high_tiers();
        Offer(10);
        _line.Draw(admitted: 400, refused: 0, margin: 1.1);
        Assert.InRange(_line.Line, 50, s_top - 1);
        Offer(1);
        _line.Draw(admitted: 50, refused: 0, margin: 1.1);
        Assert.Equal(s_top, _line.Line);
    }

    [Fact]
    public void When_nothing_is_admitted_any_more_the_first_cohort_still_comes_through()
    {
        for (var interval = 0; interval < 20; interval++)
        {
            Offer(10);
            _line.Draw(admitted: 0, refused: 100, margin: 1.1);
        }
        Assert.Equal(0, _line.Line);
        Assert.True(_line.Admits(0));
    }

    private void Offer(int each)
    {
        for (var level = 0; level <= s_top; level++)
        {
            for (var i = 0; i < each; i++) _line.Admits(level);
        }
    }
}
