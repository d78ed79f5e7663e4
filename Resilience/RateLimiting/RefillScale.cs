using System.Numerics;

namespace FeedMall.Resilience.RateLimiting;

/// <summary>
/// How a bucket counts: in whole units, a power of two of them to the token, so that tokens are exact, and at most 2³² of them per second, so
/// that 60 years fit a long. Time becomes units by one multiplication with 63 bits of precision.
/// </summary>
internal sealed class RefillScale
{
    private const int MantissaBits = 52;
    private const int MostUnitBits = 30;
    private const int SecondBits = 32;
    private const long MostAllowance = 1L << 60;

    private readonly ulong _multiplier;
    private readonly int _shift;
    private readonly double _unitsPerSecond;

    public RefillScale(TokenBucketOptions options, TimeProvider clock)
    {
        options.Check();
        Options = options;
        var refills = options.Rate > 0 && double.IsFinite(options.Rate);
        var unitBits = refills ? Math.Clamp(SecondBits - (int)Math.Ceiling(Math.Log2(options.Rate)), 0, MostUnitBits) : MostUnitBits;
        UnitsPerToken = 1L << unitBits;
        Capacity = (long)(options.Burst * UnitsPerToken);
        if (!refills) return;
        _unitsPerSecond = options.Rate * UnitsPerToken;
        // units per tick = mantissa · 2^exponent / frequency. The quotient is made 61 to 63 bits long and rounded up: then a product that is exact, such
        // as a whole token after a whole period, does not fall short by rounding.
        var bits = BitConverter.DoubleToInt64Bits(_unitsPerSecond);
        var exponent = (int)(bits >> MantissaBits) - 1023 - MantissaBits;
        var mantissa = (UInt128)((bits & ((1L << MantissaBits) - 1)) | (1L << MantissaBits));
        var frequency = (ulong)clock.TimestampFrequency;
        var scaled = 62 - MantissaBits + BitOperations.Log2(frequency);
        _multiplier = (ulong)(((mantissa << scaled) + frequency - 1) / frequency);
        _shift = scaled - exponent;
    }

    public TokenBucketOptions Options { get; }

    public long UnitsPerToken { get; }

    /// <summary>Units of a full bucket.</summary>
    public long Capacity { get; }

    public bool IsInfinite => double.IsPositiveInfinity(Options.Rate);

    /// <summary>What comes back in so many ticks of the clock.</summary>
    public long UnitsOf(long ticks)
    {
        var high = Math.BigMul((ulong)ticks, _multiplier, out ulong low);
        return _shift >= 64 ? (long)(high >> (_shift - 64)) : (long)((high << (64 - _shift)) | (low >> _shift));
    }

    /// <summary>What comes back in this time.</summary>
    public long UnitsOf(TimeSpan time) => (long)Math.Clamp(time.TotalSeconds * _unitsPerSecond, 0, MostAllowance);

    /// <summary>The time until so many units are back, rounded up.</summary>
    public TimeSpan TimeOf(long units)
    {
        if (units <= 0) return TimeSpan.Zero;
        var ticks = Math.Ceiling(units * (double)TimeSpan.TicksPerSecond / _unitsPerSecond);
        return ticks < long.MaxValue ? TimeSpan.FromTicks((long)ticks) : TimeSpan.MaxValue;
    }
}
