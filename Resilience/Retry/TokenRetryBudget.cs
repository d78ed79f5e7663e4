namespace FeedMall.Resilience.Retry;

/// <summary>Settings of <see cref="TokenRetryBudget"/>.</summary>
public sealed record TokenRetryBudgetOptions
{
    /// <summary>Size of the bucket, which starts full. 1 to 1000; default 10.</summary>
    public int MaxTokens { get; init; } = 10;

    /// <summary>Tokens that a success brings back. 0.001 to 1000, three decimals count; default 0.1.</summary>
    public double Ratio { get; init; } = 0.1;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxTokens, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxTokens, 1000);
        ArgumentOutOfRangeException.ThrowIfLessThan(Ratio, 0.001);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Ratio, 1000);
    }
}

/// <summary>
/// The throttle of gRPC's retry design (A6): each retryable failure costs one token, each success brings back Ratio, and a retry is granted while more
/// than half of the tokens are there. Knows no time: it reacts to the share of failures alone (it stays open below Ratio / (1 + Ratio),
/// 9.09 % by default). (ALGORITHMS §8.3, form 2.)
/// </summary>
public sealed class TokenRetryBudget : RetryBudget
{
    private TokenRetryBudgetOptions _options;
    // What is missing in the bucket, in whole thousandths, because 0.1 is not exact as a double. Changed by compare-and-swap only. More than the bucket holds after it
    // was made smaller, until the next change.
    private long _missing;

    /// <summary>Checks the options.</summary>
    public TokenRetryBudget(TokenRetryBudgetOptions options)
    {
        options.Check();
        _options = options;
    }

    /// <summary>May be set at any time. What the failures have taken out stays missing, so a full bucket of another size is full.</summary>
    public TokenRetryBudgetOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            Volatile.Write(ref _options, value);
        }
    }

    /// <summary>What is in the bucket, 0 to MaxTokens.</summary>
    public double Tokens => Thousandths(Options) / 1000.0;

    /// <inheritdoc/>
    public override void OnSuccess()
    {
        var options = Options;
        Change(-(long)Math.Round(options.Ratio * 1000), options);
    }

    /// <inheritdoc/>
    public override void OnRetryableFailure() => Change(1000, Options);

    private protected override bool TryTake() => AboveHalf() > 0;

    private protected override double Available() => Math.Max(0, Math.Ceiling(AboveHalf() / 1000.0));

    private long AboveHalf()
    {
        var options = Options;
        return Thousandths(options) - Size(options) / 2;
    }

    private long Thousandths(TokenRetryBudgetOptions options) => Math.Max(0, Size(options) - Interlocked.Read(ref _missing));

    private void Change(long by, TokenRetryBudgetOptions options)
    {
        var seen = Interlocked.Read(ref _missing);
        while (true)
        {
            var next = Math.Clamp(Math.Min(seen, Size(options)) + by, 0, Size(options));
            if (next == seen) return;
            var found = Interlocked.CompareExchange(ref _missing, next, seen);
            if (found == seen) return;
            seen = found;
        }
    }

    private static long Size(TokenRetryBudgetOptions options) => options.MaxTokens * 1000L;
}
