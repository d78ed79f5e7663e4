using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Polly;
using FeedMall.Resilience.RateLimiting;
using FeedMall.Resilience.Retry;
using FeedMall.Testing;
using Polly;
using Polly.Retry;
using Polly.Timeout;
using Xunit;
using Outcome = FeedMall.Resilience.Outcome;

namespace FeedMall.Tests.Resilience.Polly;

public sealed class PipelineStrategiesTests
{
    private readonly TestClock _clock = new();
    private readonly SreBreaker _breaker;

    public PipelineStrategiesTests() => _breaker = new SreBreaker(new SreBreakerOptions(), _clock, new TestChance([.. Enumerable.Repeat(0.0, 1000)]));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Exceptions_trip_the_breaker_and_then_calls_are_refused_without_being_made()
    {
        var pipeline = new ResiliencePipelineBuilder().AddGate(_breaker).Build();
        for (var i = 0; i < 20; i++)
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await pipeline.ExecuteAsync(_ => throw new InvalidOperationException(), Cancellation));
        var called = false;
        var refused = await Assert.ThrowsAsync<RefusedException>(async () => await pipeline.ExecuteAsync(_ =>
        {
            called = true;
            return ValueTask.CompletedTask;
        }, Cancellation));
        Assert.False(called);
        Assert.Equal(Reason.CircuitBreakerOpen, refused.Reason);
        Assert.IsAssignableFrom<ExecutionRejectedException>(refused);
        Assert.Equal((20, 1, 0), (_breaker.Snapshot().Failures, _breaker.Snapshot().Drops, _breaker.Snapshot().Accepts));
    }

    [Fact]
    public void Synchronous_calls_go_the_same_way()
    {
        var pipeline = new ResiliencePipelineBuilder().AddGate(_breaker).Build();
        Assert.Equal(7, pipeline.Execute(() => 7));
        for (var i = 0; i < 19; i++) Assert.Throws<InvalidOperationException>(() => pipeline.Execute(() => throw new InvalidOperationException()));
        Assert.Throws<RefusedException>(() => pipeline.Execute(() => 7));
        Assert.Equal((1, 19), (_breaker.Snapshot().Accepts, _breaker.Snapshot().Failures));
    }

    [Fact]
    public async Task A_predicate_says_which_results_and_exceptions_are_failures()
    {
        var pipeline = new ResiliencePipelineBuilder<int>().AddGate(new GateStrategyOptions<int>
        {
            Gate = _breaker,
            ShouldHandle = new PredicateBuilder<int>().Handle<TimeoutException>().HandleResult(status => StatusOutcomes.OfHttp(status) == Outcome.Failure),
        }).Build();
        foreach (var status in (int[])[200, 404, 429, 503]) Assert.Equal(status, await pipeline.ExecuteAsync(_ => ValueTask.FromResult(status), Cancellation));
        await Assert.ThrowsAsync<TimeoutException>(async () => await pipeline.ExecuteAsync<int>(_ => throw new TimeoutException(), Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(async () => await pipeline.ExecuteAsync<int>(_ => throw new ArgumentException("bad"), Cancellation));
        Assert.Equal((3, 3), (_breaker.Snapshot().Failures, _breaker.Snapshot().Accepts));
    }

    [Fact]
    public async Task What_the_caller_cancels_says_nothing_but_a_cancellation_of_another_making_is_a_failure()
    {
        var pipeline = new ResiliencePipelineBuilder().AddGate(_breaker).Build();
        using var caller = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pipeline.ExecuteAsync(async token =>
        {
            await caller.CancelAsync();
            token.ThrowIfCancellationRequested();
        }, caller.Token));
        Assert.Equal(0, _breaker.Snapshot().Requests);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pipeline.ExecuteAsync(_ => throw new OperationCanceledException(), Cancellation));
        Assert.Equal((1, 1), (_breaker.Snapshot().Requests, _breaker.Snapshot().Failures));
    }

    [Fact]
    public async Task A_time_out_inside_the_gate_is_a_failure_and_gives_the_permit_back()
    {
        var pipeline = new ResiliencePipelineBuilder { TimeProvider = _clock }.AddGate(_breaker).AddTimeout(TimeSpan.FromSeconds(1)).Build();
        var call = pipeline.ExecuteAsync(async token => await Task.Delay(Timeout.Infinite, token), Cancellation).AsTask();
        await _clock.WaitForTimerAsync(TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<TimeoutRejectedException>(() => call);
        Assert.Equal((1, 1), (_breaker.Snapshot().Requests, _breaker.Snapshot().Failures));
    }

    [Fact]
    public async Task A_refusal_further_inside_says_nothing_about_the_target()
    {
        var full = new OnePlace(_clock);
        using var taken = full.TryEnter();
        var pipeline = new ResiliencePipelineBuilder().AddGate(_breaker).AddGate(full).Build();
        var refused = await Assert.ThrowsAsync<RefusedException>(async () => await pipeline.ExecuteAsync(_ => ValueTask.CompletedTask, Cancellation));
        Assert.Equal(Reason.BulkheadFull, refused.Reason);
        Assert.Equal((0, 1L), (_breaker.Snapshot().Requests, _breaker.Counts.Admitted));
    }

    [Fact]
    public async Task A_permit_is_held_as_long_as_the_call_runs()
    {
        var gate = new OnePlace(_clock);
        var pipeline = new ResiliencePipelineBuilder<int>().AddGate(gate).Build();
        var goOn = new TaskCompletionSource();
        var first = pipeline.ExecuteAsync(async _ =>
        {
            await goOn.Task;
            return 1;
        }, Cancellation).AsTask();
        await Assert.ThrowsAsync<RefusedException>(async () => await pipeline.ExecuteAsync(_ => ValueTask.FromResult(2), Cancellation));
        goOn.SetResult();
        Assert.Equal(1, await first);
        Assert.Equal(3, await pipeline.ExecuteAsync(_ => ValueTask.FromResult(3), Cancellation));
    }

    [Fact]
    public async Task A_predicate_that_throws_gives_the_permit_back()
    {
        var gate = new OnePlace(_clock);
        var pipeline = new ResiliencePipelineBuilder<int>().AddGate(new GateStrategyOptions<int> { Gate = gate, ShouldHandle = _ => throw new NotSupportedException() }).Build();
        for (var i = 0; i < 2; i++)
            await Assert.ThrowsAsync<NotSupportedException>(async () => await pipeline.ExecuteAsync(_ => ValueTask.FromResult(1), Cancellation));
    }

    [Fact]
    public void A_gate_must_be_named() => Assert.ThrowsAny<Exception>(() => new ResiliencePipelineBuilder().AddGate(new GateStrategyOptions()).Build());

    [Fact]
    public async Task A_token_bucket_refuses_what_is_too_much_and_says_when_to_come_again()
    {
        var bucket = new TokenBucket(new TokenBucketOptions { Rate = 10, Burst = 2 }, _clock);
        var pipeline = new ResiliencePipelineBuilder().AddTokenBucket(bucket).Build();
        for (var i = 0; i < 2; i++) await pipeline.ExecuteAsync(_ => ValueTask.CompletedTask, Cancellation);
        var refused = Assert.Throws<RefusedException>(() => pipeline.Execute(() => { }));
        Assert.Equal(Reason.RateLimited, refused.Reason);
        Assert.Equal(0.1, refused.RetryAfter!.Value.TotalSeconds, 3);
        _clock.Advance(TimeSpan.FromSeconds(0.11));
        Assert.Equal(5, pipeline.Execute(() => 5));
    }

    [Fact]
    public async Task Retries_end_when_the_budget_is_used_up()
    {
        var budget = new WindowRetryBudget(new WindowRetryBudgetOptions { Ratio = 0, MinRetriesPerSecond = 0.5 }, _clock);
        var pipeline = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions { MaxRetryAttempts = 2, Delay = TimeSpan.Zero }, budget).Build();
        var attempts = new List<int>();
        for (var call = 0; call < 4; call++)
        {
            var made = 0;
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await pipeline.ExecuteAsync(_ =>
            {
                made++;
                throw new InvalidOperationException();
            }, Cancellation));
            attempts.Add(made);
        }
        // Five retries: the last attempt of a call costs none.
        Assert.Equal([3, 3, 2, 1], attempts);
        Assert.Equal((5L, 2L), (budget.Snapshot().Granted, budget.Snapshot().Refused));
    }

    [Fact]
    public async Task A_call_that_comes_through_at_the_second_attempt_is_a_success()
    {
        var budget = new WindowRetryBudget(new WindowRetryBudgetOptions(), _clock);
        var pipeline = new ResiliencePipelineBuilder<int>()
            .AddRetry(new RetryStrategyOptions<int> { Delay = TimeSpan.Zero, ShouldHandle = new PredicateBuilder<int>().HandleResult(503) }, budget)
            .AddGate(new GateStrategyOptions<int> { Gate = _breaker, ShouldHandle = new PredicateBuilder<int>().HandleResult(503) })
            .Build();
        var answers = new Queue<int>([503, 200]);
        Assert.Equal(200, await pipeline.ExecuteAsync(_ => ValueTask.FromResult(answers.Dequeue()), Cancellation));
        Assert.Equal(1L, budget.Snapshot().Granted);
        Assert.Equal((1, 1), (_breaker.Snapshot().Failures, _breaker.Snapshot().Accepts));
    }

    [Fact]
    public async Task What_a_breaker_refused_is_not_tried_again()
    {
        var budget = new WindowRetryBudget(new WindowRetryBudgetOptions(), _clock);
        var pipeline = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions { Delay = TimeSpan.Zero }, budget).AddGate(new OnePlace(_clock, places: 0)).Build();
        await Assert.ThrowsAsync<RefusedException>(async () => await pipeline.ExecuteAsync(_ => ValueTask.CompletedTask, Cancellation));
        Assert.Equal((0L, 0L), (budget.Snapshot().Granted, budget.Snapshot().Refused));
    }

    private sealed class OnePlace(TimeProvider clock, int places = 1) : Gate(clock)
    {
        private int _taken;

        protected override Reason TryAdmit(long now)
        {
            if (_taken >= places) return Reason.BulkheadFull;
            _taken++;
            return Reason.None;
        }

        protected override void AdmitAnyway(long now) => _taken++;

        protected override void OnCompleted(long admittedAt, long now, Outcome outcome) => _taken--;
    }
}
