using FeedMall.Resilience.Retry;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Retry;

public sealed class RetryBudgetTests
{
    private sealed record TokenFigures(int StopsAfterFailures, int ResumesAfterSuccesses, double SustainedFailureShare);

    private sealed record Figures(TokenFigures Tokens, double Ratio, double[] SendsPerCallByLayers);

    private static readonly Figures s_figures = Vectors.Read<Figures>("retry-budget");

    private readonly TestClock _clock = new();

    [Fact]
    public void A_target_that_always_fails_sees_a_tenth_more_and_the_minimum()
    {
        var budget = Window();
        Assert.Equal(100 + 10 + 10, Sends(budget, calls: 100));
        Assert.Equal(1000 + 100, Sends(Window(minPerSecond: 0), calls: 1000));
    }

    [Fact]
    public void Layers_with_budgets_do_not_multiply() => Assert.All(s_figures.SendsPerCallByLayers.Index(), row =>
    {
        const int calls = 10_000;
        var options = new WindowRetryBudgetOptions { MinRetriesPerSecond = 0, Ratio = s_figures.Ratio };
        RetryBudget[] layers = [.. Enumerable.Range(0, row.Index + 1).Select(_ => new WindowRetryBudget(options, _clock))];
        var atTheLeaf = 0;
        for (var call = 0; call < calls; call++) Call(0);
        // The published figures are rounded to two places; the first calls of a layer have not paid for a retry yet.
        Assert.Equal(row.Item, atTheLeaf / (double)calls, 0.006);

        void Call(int layer)
        {
            if (layer == layers.Length)
            {
                atTheLeaf++;
                return;
            }
            layers[layer].OnFirstAttempt();
            for (var attempt = 1; attempt <= 3; attempt++)
            {
                Call(layer + 1);
                layers[layer].OnRetryableFailure();
                if (!layers[layer].TryTakeRetry()) return;
            }
        }
    });

    [Fact]
    public void A_client_with_few_calls_may_retry_about_once_a_second()
    {
        var budget = Window();
        var granted = 0;
        for (var second = 0; second < 60; second++)
        {
            budget.OnFirstAttempt();
            if (budget.TryTakeRetry()) granted++;
            _clock.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(60, granted);
        Assert.Equal(new RetryBudgetSnapshot(budget.Snapshot().Available, 60, 0, 0), budget.Snapshot());
    }

    [Fact]
    public void Attempts_of_long_ago_pay_for_nothing()
    {
        var budget = Window(minPerSecond: 0);
        for (var call = 0; call < 1000; call++) budget.OnFirstAttempt();
        Assert.Equal(100, budget.Snapshot().Available);
        _clock.Advance(TimeSpan.FromSeconds(11));
        Assert.False(budget.TryTakeRetry());
        Assert.Equal(new RetryBudgetSnapshot(0, 0, 1, 0), budget.Snapshot());
    }

    [Fact]
    public void Ten_first_attempts_pay_for_one_retry_and_not_for_two()
    {
        var budget = Window(minPerSecond: 0);
        for (var call = 0; call < 9; call++) budget.OnFirstAttempt();
        Assert.False(budget.TryTakeRetry());
        budget.OnFirstAttempt();
        Assert.True(budget.TryTakeRetry());
        Assert.False(budget.TryTakeRetry());
    }

    [Fact]
    public void In_any_order_of_events_the_window_never_goes_over_its_bound() =>
        // Each step: advance so many milliseconds, so many first attempts, so many tries to retry.
        Prop.ForAll(Gen.Choose(0, 3000).Zip(Gen.Choose(0, 30)).Zip(Gen.Choose(0, 10)).ListOf().ToArbitrary(), steps =>
        {
            var clock = new TestClock();
            var budget = new WindowRetryBudget(new WindowRetryBudgetOptions { MinRetriesPerSecond = 0.2 }, clock);
            var firsts = new List<long>();
            var retries = new List<long>();
            foreach (var ((wait, calls), tries) in steps)
            {
                clock.Advance(TimeSpan.FromMilliseconds(wait));
                var slot = clock.GetElapsedTime(0).Ticks / TimeSpan.TicksPerSecond;
                for (var call = 0; call < calls; call++) budget.OnFirstAttempt();
                firsts.AddRange(Enumerable.Repeat(slot, calls));
                for (var attempt = 0; attempt < tries; attempt++)
                {
                    var bound = firsts.Count(at => at > slot - 10) + 20;
                    var fits = 10 * (retries.Count(at => at > slot - 10) + 1) <= bound;
                    if (budget.TryTakeRetry() != fits) return false;
                    if (fits) retries.Add(slot);
                }
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Eight_threads_never_take_more_than_the_window_has()
    {
        const int each = 1_000_000;
        var budget = Window();
        Stress.Run((_, turn) =>
        {
            if (turn % 10 == 0) budget.OnFirstAttempt();
            else budget.TryTakeRetry();
        });
        var tries = 8 * each / 10 * 9;
        // The clock stands still, so what the threads left can still be taken, and not one more.
        for (; budget.TryTakeRetry(); tries++) { }
        var snapshot = budget.Snapshot();
        Assert.Equal(8 * each / 10 / 10 + 10, snapshot.Granted);
        Assert.Equal(tries + 1, snapshot.Granted + snapshot.Refused);
    }

    [Fact]
    public void Two_threads_never_both_take_the_last_retry()
    {
        const int rounds = 500;
        var budgets = Enumerable.Range(0, rounds)
            .Select(_ => new WindowRetryBudget(new WindowRetryBudgetOptions { MinRetriesPerSecond = 0.1 }, new YieldingClock())).ToArray();
        using var together = new Barrier(4);
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            foreach (var budget in budgets)
            {
                together.SignalAndWait();
                budget.TryTakeRetry();
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.All(budgets, budget => Assert.Equal(new RetryBudgetSnapshot(0, 1, 3, 0), budget.Snapshot()));
    }

    [Fact]
    public void Tokens_stop_retries_after_five_failures_and_need_fifty_one_successes_to_come_back()
    {
        var budget = new TokenRetryBudget(new TokenRetryBudgetOptions());
        Assert.Equal([.. Enumerable.Repeat(true, s_figures.Tokens.StopsAfterFailures - 1), false, false],
            Enumerable.Range(0, s_figures.Tokens.StopsAfterFailures + 1).Select(_ => FailThenTry(budget)));
        for (var failure = 0; failure < 20; failure++) budget.OnRetryableFailure();
        Assert.Equal(0, budget.Tokens);
        var successes = 0;
        for (; budget.Snapshot().Available == 0; successes++) budget.OnSuccess();
        Assert.Equal(s_figures.Tokens.ResumesAfterSuccesses, successes);
        Assert.True(budget.TryTakeRetry());
        for (var success = 0; success < 1000; success++) budget.OnSuccess();
        Assert.Equal(10, budget.Tokens);
    }

    [Theory]
    [InlineData(-0.0005, true)]
    [InlineData(0.0005, false)]
    public void Tokens_last_while_fewer_than_one_in_eleven_fails(double more, bool lasts)
    {
        var budget = new TokenRetryBudget(new TokenRetryBudgetOptions());
        var (granted, share, due) = (true, s_figures.Tokens.SustainedFailureShare + more, 0.0);
        for (var call = 0; call < 20_000; call++)
        {
            due += share;
            if (due < 1) budget.OnSuccess();
            else
            {
                due--;
                granted &= FailThenTry(budget);
            }
        }
        Assert.Equal(lasts, granted);
    }

    [Fact]
    public void Tokens_add_up_over_eight_threads()
    {
        var budget = new TokenRetryBudget(new TokenRetryBudgetOptions { MaxTokens = 1000, Ratio = 0.001 });
        for (var failure = 0; failure < 1000; failure++) budget.OnRetryableFailure();
        // One thousandth for each of 2 000 000 successes, and one whole for each of 1000 failures: in no order does it reach either end.
        Stress.Run((_, turn) =>
        {
            if (turn % 4 == 0) budget.OnSuccess();
            else budget.TryTakeRetry();
            if (turn % 8000 == 3999) budget.OnRetryableFailure();
        });
        Assert.Equal(1000, budget.Tokens);
    }

    [Fact]
    public void In_dry_run_every_retry_is_granted_and_those_that_would_not_be_are_counted()
    {
        var tokens = new TokenRetryBudget(new TokenRetryBudgetOptions());
        for (var failure = 0; failure < 5; failure++) tokens.OnRetryableFailure();
        RetryBudget[] budgets = [Window(minPerSecond: 0), tokens];
        Assert.All(budgets, budget =>
        {
            budget.DryRun = true;
            Assert.True(budget.TryTakeRetry());
            Assert.Equal(new RetryBudgetSnapshot(0, 1, 0, 1), budget.Snapshot());
            budget.DryRun = false;
            Assert.False(budget.TryTakeRetry());
            Assert.Equal(new RetryBudgetSnapshot(0, 1, 1, 1), budget.Snapshot());
        });
        // What the dry run let pass did not cost anything.
        for (var call = 0; call < 10; call++) budgets[0].OnFirstAttempt();
        Assert.Equal(1, budgets[0].Snapshot().Available);
    }

    [Fact]
    public void A_window_of_another_length_keeps_the_attempts()
    {
        var budget = Window(minPerSecond: 0);
        for (var call = 0; call < 100; call++) budget.OnFirstAttempt();
        for (var retry = 0; retry < 3; retry++) budget.TryTakeRetry();
        budget.Options = budget.Options with { Window = TimeSpan.FromSeconds(60), Ratio = 0.2, MinRetriesPerSecond = 0.1 };
        Assert.Equal(20 + 6 - 3, budget.Snapshot().Available);
        _clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(20 + 6 - 3, budget.Snapshot().Available);
        budget.Options = budget.Options with { Window = TimeSpan.FromSeconds(10) };
        Assert.Equal(1, budget.Snapshot().Available);
        Assert.Throws<ArgumentOutOfRangeException>("Ratio", () => budget.Options = budget.Options with { Ratio = 2 });
        Assert.Equal(0.2, budget.Options.Ratio);
    }

    [Fact]
    public void A_full_bucket_of_tokens_that_grows_stays_full_and_one_that_shrinks_keeps_what_is_missing()
    {
        var budget = new TokenRetryBudget(new TokenRetryBudgetOptions());
        budget.Options = budget.Options with { MaxTokens = 100 };
        Assert.Equal(100, budget.Tokens);
        for (var failure = 0; failure < 20; failure++) budget.OnRetryableFailure();
        budget.Options = budget.Options with { MaxTokens = 50 };
        Assert.Equal((30, 5), (budget.Tokens, budget.Snapshot().Available));
        budget.Options = budget.Options with { MaxTokens = 10, Ratio = 1 };
        Assert.Equal(0, budget.Tokens);
        Assert.False(budget.TryTakeRetry());
        for (var success = 0; success < 6; success++) budget.OnSuccess();
        Assert.Equal(6, budget.Tokens);
        Assert.Throws<ArgumentOutOfRangeException>("MaxTokens", () => budget.Options = budget.Options with { MaxTokens = 0 });
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        RetryBudget[] budgets = [Window(), new TokenRetryBudget(new TokenRetryBudgetOptions())];
        Assert.All(budgets, budget => Assert.Equal(0, Allocations.Of(() =>
        {
            budget.OnFirstAttempt();
            budget.OnRetryableFailure();
            budget.TryTakeRetry();
            budget.OnSuccess();
        })));
    }

    [Fact]
    public void Options_out_of_range_are_refused_by_name()
    {
        Assert.Equal("Ratio", Refused(() => new WindowRetryBudget(new WindowRetryBudgetOptions { Ratio = 1.5 }, _clock)));
        Assert.Equal("MinRetriesPerSecond", Refused(() => new WindowRetryBudget(new WindowRetryBudgetOptions { MinRetriesPerSecond = -1 }, _clock)));
        Assert.Equal("Window", Refused(() => new WindowRetryBudget(new WindowRetryBudgetOptions { Window = TimeSpan.Zero }, _clock)));
        Assert.Equal("MaxTokens", Refused(() => new TokenRetryBudget(new TokenRetryBudgetOptions { MaxTokens = 1001 })));
        Assert.Equal("Ratio", Refused(() => new TokenRetryBudget(new TokenRetryBudgetOptions { Ratio = 0 })));

        static string? Refused(Func<RetryBudget> create) => Assert.Throws<ArgumentOutOfRangeException>(create).ParamName;
    }

    private WindowRetryBudget Window(double minPerSecond = 1) => new(new WindowRetryBudgetOptions { MinRetriesPerSecond = minPerSecond }, _clock);

    private static bool FailThenTry(RetryBudget budget)
    {
        budget.OnRetryableFailure();
        return budget.TryTakeRetry();
    }

    private static int Sends(RetryBudget budget, int calls)
    {
        var sends = 0;
        for (var call = 0; call < calls; call++)
        {
            budget.OnFirstAttempt();
            for (var attempt = 1; attempt <= 3; attempt++)
            {
                sends++;
                if (attempt == 3 || !FailThenTry(budget)) break;
            }
        }
        return sends;
    }
}
