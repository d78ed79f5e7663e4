namespace FeedMall.Resilience.Quotas;

/// <summary>Settings of <see cref="QuotaClient"/>.</summary>
public sealed record QuotaClientOptions
{
    /// <summary>Of the node's share. 0.001 to 1000; default 1.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Demand that is assumed at the start, per second. 0 to 1 000 000 000; default 100.</summary>
    public double FirstDemand { get; init; } = 100;

    /// <summary>Least demand that is asked for, per second, so that an idle node can begin at once. 0 to 1 000 000 000; default 1.</summary>
    public double MinDemand { get; init; } = 1;

    /// <summary>Limit of all nodes that is assumed until the first answer, per second. 0 to 1 000 000 000; default 1000.</summary>
    public double AssumedLimit { get; init; } = 1000;

    /// <summary>Nodes that are assumed to share it until the first answer. 1 to 10 000; default 10.</summary>
    public int AssumedNodes { get; init; } = 10;

    /// <summary>Time between renewals, ±10 % by chance. 50 ms to 30 s; default 1 s, a third of a lease.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A source that takes longer has failed. 1 ms to 1 s; default 20 ms.</summary>
    public TimeSpan AnswerLimit { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Default <see cref="QuotaFallback.LocalShare"/>.</summary>
    public QuotaFallback Fallback { get; init; }

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        Check(Weight, 0.001, 1000, nameof(Weight));
        Check(FirstDemand, 0, 1e9, nameof(FirstDemand));
        Check(MinDemand, 0, 1e9, nameof(MinDemand));
        Check(AssumedLimit, 0, 1e9, nameof(AssumedLimit));
        Check(AssumedNodes, 1, 10_000, nameof(AssumedNodes));
        Check(Heartbeat.TotalMilliseconds, 50, 30_000, nameof(Heartbeat));
        Check(AnswerLimit.TotalMilliseconds, 1, 1000, nameof(AnswerLimit));
        if (!Enum.IsDefined(Fallback)) throw new ArgumentOutOfRangeException(nameof(Fallback), Fallback, "not a kind of fallback");
    }

    private static void Check(double value, double least, double most, string name)
    {
        if (!(value >= least && value <= most)) throw new ArgumentOutOfRangeException(name, value, $"must be {least} to {most}");
    }
}
