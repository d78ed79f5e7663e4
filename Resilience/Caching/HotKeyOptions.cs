namespace FeedMall.Resilience.Caching;

/// <summary>Settings of <see cref="HotKeyCache{TValue}"/>.</summary>
public sealed record HotKeyOptions
{
    /// <summary>Copies at most. 2 to 100 000; default 500.</summary>
    public int Capacity { get; init; } = 500;

    /// <summary>How long a copy is used: so long a reader may see what was replaced elsewhere. 10 ms to 3 s; default 1 s.</summary>
    public TimeSpan TimeToLive { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Keys that are always copied, hot or not. One that begins with ~ is a regular expression. At most 100; default none.</summary>
    public IReadOnlyList<string> Always { get; init; } = [];

    /// <summary>Keys that are never copied, in the same form; comes before <see cref="Always"/>. At most 100; default none.</summary>
    public IReadOnlyList<string> Never { get; init; } = [];

    /// <summary>What counts as hot.</summary>
    public HeavyKeeperOptions Hot { get; init; } = new();

    /// <summary>Throws <see cref="ArgumentException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Capacity, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Capacity, 100_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(TimeToLive, TimeSpan.FromMilliseconds(10));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(TimeToLive, TimeSpan.FromSeconds(3));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Always.Count, 100, nameof(Always));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Never.Count, 100, nameof(Never));
        _ = new KeyList(Always, nameof(Always));
        _ = new KeyList(Never, nameof(Never));
        Hot.Check();
    }
}
