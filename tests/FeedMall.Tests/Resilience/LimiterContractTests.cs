using System.Reflection;
using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Limiting;
using FeedMall.Resilience.Queueing;
using FeedMall.Resilience.Quotas;
using FeedMall.Resilience.RateLimiting;
using FeedMall.Resilience.Retry;
using FeedMall.Testing;
using FeedMall.Tests.Resilience.Limiting;
using Xunit;

namespace FeedMall.Tests.Resilience;

/// <summary>
/// What every limiter and breaker has: options with ranges that change live, a snapshot, a dry run, reasons of the closed set, permits that are given back once.
/// Each is brought to where it refuses, and asked again there.
/// </summary>
public sealed class LimiterContractTests
{
    private static readonly TestClock s_clock = new();

    /// <summary>A limiter that refuses whoever asks now.</summary>
    /// <param name="Ask">Says the reason, and how a permit is given back, if there are permits.</param>
    /// <param name="Renew">Sets options that differ in what does not matter here.</param>
    /// <param name="Spoil">Sets options out of range.</param>
    /// <param name="Passed">Asked questions that were let pass by the dry run, as the snapshot or the counts say.</param>
    private sealed record Subject(object Limiter, Func<Answer> Ask, Action Renew, Action? Spoil, Func<long> Passed);

    private readonly record struct Answer(bool IsAdmitted, Reason Reason, Func<bool>? GiveBack = null)
    {
        public static Answer Of(Permit permit) => new(permit.IsAdmitted, permit.Reason, () => permit.Complete(Outcome.Success));

        public static Answer Of(RateDecision decision) => new(decision.IsAdmitted, decision.Reason);
    }

    private static readonly Dictionary<Type, Func<Subject>> s_subjects = new()
    {
        [typeof(SreBreaker)] = () =>
        {
            var breaker = new SreBreaker(new SreBreakerOptions(), s_clock, new TestChance([.. Enumerable.Repeat(0.0, 100)]));
            return Failing(breaker, () => breaker.Options = breaker.Options with { K = 1.4, Buckets = 50 }, () => breaker.Options = breaker.Options with { K = 0 });
        },
        [typeof(PlainSreBreaker)] = () =>
        {
            var breaker = new PlainSreBreaker(new PlainSreBreakerOptions(), s_clock, new TestChance([.. Enumerable.Repeat(0.0, 100)]));
            return Failing(breaker, () => breaker.Options = breaker.Options with { K = 1.4, Buckets = 50 }, () => breaker.Options = breaker.Options with { K = 0 });
        },
        [typeof(KeyedBreakers<>)] = () =>
        {
            var breakers = new KeyedBreakers<int>(new KeyedBreakersOptions(),
                _ => new PlainSreBreaker(new PlainSreBreakerOptions(), s_clock, new TestChance([.. Enumerable.Repeat(0.0, 100)])), s_clock);
            return Failing(breakers.Get(1), () => breakers.Options = breakers.Options with { MaxKeys = 7 },
                () => breakers.Options = breakers.Options with { MaxKeys = 0 }) with { Limiter = breakers };
        },
        [typeof(GutterPair)] = () =>
        {
            var (primary, standby, limit) = (One(), One(), One());
            var pair = new GutterPair(primary, standby, limit);
            _ = (pair.TryEnter(), pair.TryEnter());
            // No options of its own: those of the three gates that it was given.
            return new(pair, () => pair.TryEnter() is var permit ? new(permit.IsAdmitted, permit.Reason, () => permit.Complete(Outcome.Success)) : default,
                () => primary.Options = primary.Options with { MaxKeys = 7 }, Spoil: null, () => primary.Counts.WouldHaveRefused);
        },
        [typeof(BbrLimiter)] = () =>
        {
            var limiter = new BbrLimiter(new BbrLimiterOptions { Ceiling = 1 }, new FixedLoad(0), s_clock);
            return Full(limiter, () => limiter.Options = limiter.Options with { Buckets = 50 }, () => limiter.Options = limiter.Options with { Ceiling = 0 });
        },
        [typeof(GradientLimiter)] = () =>
        {
            var limiter = new GradientLimiter(new GradientLimiterOptions { Initial = 1, Min = 1, Max = 1 }, s_clock);
            return Full(limiter, () => limiter.Options = limiter.Options with { Queue = 7 }, () => limiter.Options = limiter.Options with { Min = 2 });
        },
        [typeof(Bulkhead)] = () =>
        {
            var bulkhead = One();
            return Full(bulkhead, () => bulkhead.Options = bulkhead.Options with { MaxKeys = 7 }, () => bulkhead.Options = bulkhead.Options with { Places = 0 });
        },
        [typeof(KeyedBulkheads)] = () =>
        {
            var bulkheads = new KeyedBulkheads(new BulkheadOptions { Places = 1 }, s_clock);
            return Full(bulkheads["a"], () => bulkheads.Options = bulkheads.Options with { MaxKeys = 7 },
                () => bulkheads.Options = bulkheads.Options with { Places = 0 }) with { Limiter = bulkheads };
        },
        [typeof(AdmissionQueue)] = () =>
        {
            var bulkhead = One();
            var queue = new AdmissionQueue(bulkhead, new AdmissionQueueOptions { Queue = new() { Capacity = 1 } }, s_clock);
            // One has the place, and one waits for it.
            _ = (Enter(), Enter());
            return new(queue, () => Answer.Of(Enter().Result), () => queue.Options = queue.Options with { WaterlineMargin = 2 },
                () => queue.Options = queue.Options with { WaterlineMargin = 0 }, () => bulkhead.Counts.WouldHaveRefused - 1);

            Task<Permit> Enter() => queue.EnterAsync(Criticality.Critical, 0, Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken).AsTask();
        },
        [typeof(TokenBucket)] = () =>
        {
            var bucket = new TokenBucket(new TokenBucketOptions { Rate = 1, Burst = 1 }, s_clock);
            return Empty(bucket, () => bucket.TryTake(), () => bucket.Options = bucket.Options with { Burst = 2 },
                () => bucket.Options = bucket.Options with { Burst = 0 }, () => bucket.Snapshot().WouldHaveRefused);
        },
        [typeof(KeyedTokenBuckets<>)] = () =>
        {
            var buckets = new KeyedTokenBuckets<int>(new KeyedTokenBucketsOptions { PerKey = new() { Rate = 1, Burst = 1 } }, s_clock);
            return Empty(buckets, () => buckets.TryTake(1), () => buckets.Options = buckets.Options with { PerKey = new() { Rate = 2, Burst = 2 } },
                () => buckets.Options = buckets.Options with { MaxKeys = 0 }, () => buckets.Snapshot().WouldHaveRefused);
        },
        [typeof(LeakyBucketMeter)] = () =>
        {
            var meter = new LeakyBucketMeter(new LeakyBucketOptions { Leak = 1, Capacity = 1 }, s_clock);
            return Empty(meter, () => meter.TryPour(), () => meter.Options = meter.Options with { Leak = 2 },
                () => meter.Options = meter.Options with { Capacity = 0 }, () => meter.Snapshot().WouldHaveRefused);
        },
        [typeof(LeakyBucketShaper)] = () =>
        {
            var shaper = new LeakyBucketShaper(new ShaperOptions { Rate = 1, Slack = 0, MaxWait = TimeSpan.Zero }, s_clock);
            return Empty(shaper, () => shaper.EnterAsync(TimeSpan.MaxValue, TestContext.Current.CancellationToken).AsTask().Result,
                () => shaper.Options = shaper.Options with { Rate = 2 }, () => shaper.Options = shaper.Options with { Slack = -1 }, () => shaper.Snapshot().WouldHaveRefused);
        },
        [typeof(QuotaClient)] = () =>
        {
            var allocator = new QuotaAllocator(new QuotaAllocatorOptions { Limit = 0 }, s_clock);
            var client = new QuotaClient("a", new QuotaClientOptions { Fallback = QuotaFallback.DenyAll }, allocator, s_clock, new TestChance());
            return Empty(client, () => client.TryTake(), () => client.Options = client.Options with { Weight = 2 },
                () => client.Options = client.Options with { Weight = 0 }, () => client.Snapshot().WouldHaveRefused);
        },
        [typeof(LeasedBucket)] = () =>
        {
            var bucket = new LeasedBucket(new LeasedBucketOptions { Fallback = QuotaFallback.DenyAll }, 0, 1, s_clock);
            return Empty(bucket, () => bucket.TryTake(), () => bucket.Options = bucket.Options with { FirstDemand = 2 },
                () => bucket.Options = bucket.Options with { FirstDemand = -1 }, () => bucket.Snapshot().WouldHaveRefused);
        },
        [typeof(WindowRetryBudget)] = () =>
        {
            var budget = new WindowRetryBudget(new WindowRetryBudgetOptions { MinRetriesPerSecond = 0 }, s_clock);
            return Spent(budget, () => budget.Options = budget.Options with { Window = TimeSpan.FromSeconds(20) }, () => budget.Options = budget.Options with { Ratio = 2 });
        },
        [typeof(TokenRetryBudget)] = () =>
        {
            var budget = new TokenRetryBudget(new TokenRetryBudgetOptions());
            for (var failure = 0; failure < 10; failure++) budget.OnRetryableFailure();
            return Spent(budget, () => budget.Options = budget.Options with { MaxTokens = 20 }, () => budget.Options = budget.Options with { Ratio = 0 });
        },
    };

    public static TheoryData<string> Names { get; } = [.. s_subjects.Keys.Select(type => type.Name)];

    [Fact]
    public void Every_limiter_and_breaker_of_the_room_is_tried_here() => Assert.Equal(
        Room().Where(type => type is { IsPublic: true, IsAbstract: false } && Limits(type)).Select(type => type.Name).Order(), s_subjects.Keys.Select(type => type.Name).Order());

    [Theory]
    [MemberData(nameof(Names))]
    public void It_has_options_with_a_check_a_snapshot_and_a_dry_run(string name)
    {
        var type = Type(name);
        Assert.NotNull(type.GetMethod("Snapshot", System.Type.EmptyTypes));
        Assert.True(type.GetProperty("DryRun") is { CanRead: true, CanWrite: true } dryRun && dryRun.PropertyType == typeof(bool));
        if (type == typeof(GutterPair)) return;
        var options = type.GetProperty("Options");
        Assert.True(options is { CanRead: true, CanWrite: true });
        Assert.NotNull(options.PropertyType.GetMethod("Check", System.Type.EmptyTypes));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_refusal_says_why_and_a_dry_run_says_the_same_but_lets_pass(string name)
    {
        var subject = s_subjects[Type(name)]();
        var refused = subject.Ask();
        Assert.False(refused.IsAdmitted);
        // A retry budget has no reason of its own: the caller fails with the last error.
        if (subject.Limiter is not RetryBudget) Assert.True(Enum.IsDefined(refused.Reason) && refused.Reason != Reason.None);
        Assert.NotEqual(true, refused.GiveBack?.Invoke());

        SetDryRun(subject.Limiter, true);
        var passed = subject.Ask();
        // The queue says at the door what the limiter behind it says in a dry run.
        Assert.True(passed.IsAdmitted);
        Assert.Equal(subject.Limiter is AdmissionQueue ? Reason.BulkheadFull : refused.Reason, passed.Reason);
        Assert.Equal(1, subject.Passed());
        SetDryRun(subject.Limiter, false);
        // Who waited in the queue was let in, so whoever comes now has to wait.
        if (subject.Limiter is not AdmissionQueue) Assert.False(subject.Ask().IsAdmitted);
        if (passed.GiveBack is not { } giveBack) return;
        Assert.Equal([true, false, false], (bool[])[giveBack(), giveBack(), giveBack()]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Options_change_without_losing_state_and_bad_ones_change_nothing(string name)
    {
        var subject = s_subjects[Type(name)]();
        subject.Renew();
        Assert.False(subject.Ask().IsAdmitted);
        if (subject.Spoil is null) return;
        var options = subject.Limiter.GetType().GetProperty("Options")!;
        var before = options.GetValue(subject.Limiter);
        Assert.Throws<ArgumentOutOfRangeException>(subject.Spoil);
        Assert.Equal(before, options.GetValue(subject.Limiter));
        Assert.False(subject.Ask().IsAdmitted);
    }

    public static TheoryData<string> OptionTypes { get; } = [.. Room().Where(type => type is { IsPublic: true, IsAbstract: false } && type.Name.EndsWith("Options", StringComparison.Ordinal)).Select(type => type.FullName!)];

    [Theory]
    [MemberData(nameof(OptionTypes))]
    public void No_number_or_time_of_any_options_may_be_senseless(string name)
    {
        var type = typeof(Gate).Assembly.GetType(name)!;
        Check(type, Activator.CreateInstance(type)!);
        foreach (var property in type.GetProperties())
        {
            foreach (var senseless in Senseless(property.PropertyType))
            {
                var options = Activator.CreateInstance(type)!;
                property.SetValue(options, senseless);
                var refusal = Assert.Throws<TargetInvocationException>(() => Check(type, options)).InnerException;
                Assert.True(refusal is ArgumentException, $"{property.Name} = {senseless}: {refusal}");
            }
        }
    }

    private static void Check(Type type, object options) => type.GetMethod("Check", System.Type.EmptyTypes)!.Invoke(options, []);

    private static IEnumerable<object> Senseless(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(int)) return [int.MinValue, -1];
        if (type == typeof(long)) return [long.MinValue, -1L];
        if (type == typeof(double)) return [double.NaN, double.NegativeInfinity, -1.0];
        return type == typeof(TimeSpan) ? [TimeSpan.MinValue, TimeSpan.FromTicks(-1)] : [];
    }

    private static IEnumerable<Type> Room() => typeof(Gate).Assembly.GetTypes();

    // It answers with a permit or a decision, hands out gates, or is a retry budget.
    private static bool Limits(Type type) => type.IsSubclassOf(typeof(RetryBudget)) || type.GetMethods(BindingFlags.Public | BindingFlags.Instance).Any(method =>
    {
        var answer = method.ReturnType is { IsGenericType: true } task && task.GetGenericTypeDefinition() == typeof(ValueTask<>) ? task.GetGenericArguments()[0] : method.ReturnType;
        return answer == typeof(Permit) || answer == typeof(GutterPermit) || (answer == typeof(RateDecision) && method.GetParameters().Length > 0) || answer.IsSubclassOf(typeof(Gate));
    }) && !type.IsEnum;

    private static Type Type(string name) => s_subjects.Keys.Single(type => type.Name == name);

    private static void SetDryRun(object limiter, bool dryRun) => limiter.GetType().GetProperty("DryRun")!.SetValue(limiter, dryRun);

    private static Bulkhead One() => new(new BulkheadOptions { Places = 1 }, s_clock);

    private static Subject Failing(Breaker breaker, Action renew, Action spoil)
    {
        foreach (var permit in Enumerable.Range(0, 100).Select(_ => breaker.TryEnter()).ToList()) permit.Complete(Outcome.Failure);
        return new(breaker, () => Answer.Of(breaker.TryEnter()), renew, spoil, () => breaker.Counts.WouldHaveRefused);
    }

    private static Subject Full(Gate gate, Action renew, Action spoil)
    {
        Assert.True(gate.TryEnter().IsAdmitted);
        return new(gate, () => Answer.Of(gate.TryEnter()), renew, spoil, () => gate.Counts.WouldHaveRefused);
    }

    private static Subject Empty(object limiter, Func<RateDecision> ask, Action renew, Action spoil, Func<long> passed)
    {
        ask();
        var refusedBefore = passed();
        return new(limiter, () => Answer.Of(ask()), renew, spoil, () => passed() - refusedBefore);
    }

    private static Subject Spent(RetryBudget budget, Action renew, Action spoil) =>
        new(budget, () => new Answer(budget.TryTakeRetry(), Reason.None), renew, spoil, () => budget.Snapshot().WouldHaveRefused);
}
