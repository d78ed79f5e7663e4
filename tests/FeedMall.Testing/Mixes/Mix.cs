namespace FeedMall.Testing.Mixes;

/// <summary>Shares of the three commands, in percent: how users of a cache differ.</summary>
public sealed record Mix(string Name, int Gets, int Sets, int Expires)
{
    /// <summary>A bit of everything, and much of one of them.</summary>
    public static IReadOnlyList<Mix> All { get; } = [new("moderate", 40, 40, 20), new("GET-heavy", 90, 8, 2), new("SET-heavy", 8, 90, 2), new("EXPIRE-heavy", 10, 20, 70)];
}

/// <summary>How much of a mix.</summary>
/// <param name="Name">For the table.</param>
/// <param name="Users">Connections, each of which sends its next command when the last one is answered.</param>
/// <param name="Pause">What each waits between two commands.</param>
/// <param name="Duration">How long.</param>
public sealed record MixLoad(string Name, int Users, TimeSpan Pause, TimeSpan Duration)
{
    /// <summary>Ten users who send a hundred commands a second or so each.</summary>
    public static MixLoad Low(TimeSpan duration) => new("low", 10, TimeSpan.FromMilliseconds(10), duration);

    /// <summary>A hundred users who send as fast as they are answered.</summary>
    public static MixLoad High(TimeSpan duration) => new("high", 100, TimeSpan.Zero, duration);
}

/// <summary>What users saw.</summary>
/// <param name="Elapsed">From the first command to the last answer.</param>
/// <param name="Latencies">By command, sorted.</param>
/// <param name="Lasting">Keys that no expiry will end: what the server must still have when all others are gone.</param>
public sealed record MixResult(TimeSpan Elapsed, IReadOnlyDictionary<string, TimeSpan[]> Latencies, int Lasting)
{
    /// <summary>All commands.</summary>
    public int Commands => Latencies.Values.Sum(each => each.Length);

    /// <summary>The latency that a share of the commands stays below.</summary>
    public TimeSpan Percentile(string command, double share) =>
        Latencies[command] is { Length: > 0 } sorted ? sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))] : TimeSpan.Zero;
}
