using FeedMall.Bff.Caching;
using FeedMall.Resilience.Caching;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Bff;

public sealed class LocalAnswersTests : IDisposable
{
    private const int MostTags = 100_000;
    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(10);

    private readonly TestClock _clock = new();
    private readonly LocalAnswers _answers;

    public LocalAnswersTests() => _answers = new LocalAnswers(1 << 20, new HotKeyOptions(), _clock, new TestChance());

    public void Dispose() => _answers.Dispose();

    [Fact]
    public void What_was_begun_before_it_was_evicted_is_not_kept_and_before_it_aged_only_as_an_old_one()
    {
        var lookup = Begin("a");
        _answers.Age("post:a");
        Assert.True(_answers.TrySet(lookup, Fresh(1), s_life));
        Assert.False(IsFresh(_answers.FindKept("a", null)));
        _answers.Evict("post:a");
        Assert.Null(_answers.FindKept("a", null));
        Assert.False(_answers.TrySet(lookup, Fresh(2), s_life));
    }

    [Fact]
    public void An_answer_that_has_aged_while_it_was_made_does_not_take_the_place_of_a_good_one()
    {
        var slow = Begin("a");
        _answers.Age("post:a");
        Assert.True(_answers.TrySet(Begin("a"), Fresh(1), s_life));
        Assert.False(_answers.TrySet(slow, Fresh(2), s_life));
        Assert.Equal([1], _answers.FindKept("a", null)!.Body);
    }

    [Fact]
    public void When_there_are_too_many_changes_to_remember_all_that_is_older_counts_as_evicted()
    {
        Assert.True(_answers.TrySet(Begin("a"), Fresh(1), s_life));
        var begun = Begin("b");
        var version = _answers.VersionOf(["post:a"]);
        for (var i = 0; i <= MostTags; i++) _answers.Age($"post:{i}");
        Assert.Null(_answers.FindKept("a", null));
        Assert.False(_answers.TrySet(begun, Fresh(2), s_life));
        Assert.True(_answers.VersionOf(["post:a"]) > version);
        Assert.True(_answers.TrySet(Begin("a"), Fresh(3), s_life));
        Assert.True(IsFresh(_answers.FindKept("a", null)));
    }

    private AnswerLookup Begin(string key) => new(key, [$"post:{key}"], isFill: true) { Generation = _answers.Generation };

    private Answer Fresh(byte body) => new(Now + 1000, Now + 2000, [body]);

    private bool IsFresh(Answer? answer) => answer!.FreshUntil > Now;

    private long Now => _clock.GetUtcNow().ToUnixTimeMilliseconds();
}
