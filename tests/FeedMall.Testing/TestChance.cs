using FeedMall.Resilience;

namespace FeedMall.Testing;

/// <summary>
/// Chance that repeats itself: first the values of the script, then a generator with <see cref="Seed"/>. Thread safe, so only the order of the threads
/// can change a run.
/// </summary>
public sealed class TestChance(params double[] script) : IChance
{
    // Guards _taken and _random.
    private readonly Lock _gate = new();
    private readonly Random _random = new(0);
    private int _taken;

    /// <summary>Of the generator; 0 unless told.</summary>
    public int Seed
    {
        init => _random = new Random(value);
    }

    /// <summary>How many values were taken.</summary>
    public int Taken
    {
        get
        {
            lock (_gate) return _taken;
        }
    }

    /// <inheritdoc/>
    public double NextDouble()
    {
        lock (_gate) return _taken++ < script.Length ? script[_taken - 1] : _random.NextDouble();
    }
}
