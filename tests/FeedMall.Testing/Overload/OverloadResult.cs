namespace FeedMall.Testing.Overload;

/// <summary>What happened in one second of a run.</summary>
public sealed class OverloadSecond
{
    /// <summary>Requests that clients wanted answered, without their retries.</summary>
    public int Offered { get; set; }

    /// <summary>What reached the door, retries included.</summary>
    public int Attempts { get; set; }

    /// <summary>Answered in time.</summary>
    public int Good { get; set; }

    /// <summary>Worked on, but answered when nobody waited any more.</summary>
    public int Late { get; set; }

    /// <summary>Refused at the door or in the queue, or thrown away by a worker.</summary>
    public int Refused { get; set; }

    /// <summary>In flight at its end.</summary>
    public int InFlight { get; set; }

    /// <summary>Waiting before the door at its end.</summary>
    public int Waiting { get; set; }

    /// <summary>Load signal at its end, 0 to 1000.</summary>
    public double Load { get; set; }
}

/// <summary>One request of a client, with all its attempts.</summary>
/// <param name="At">When it came, in seconds.</param>
/// <param name="Tier">0 to 3.</param>
/// <param name="User">Who sent it.</param>
public sealed record OfferedRequest(double At, int Tier, int User)
{
    /// <summary>One of its attempts was answered in time.</summary>
    public bool IsGood { get; set; }
}

/// <summary>A run.</summary>
public sealed class OverloadResult
{
    /// <summary>Second by second.</summary>
    public IReadOnlyList<OverloadSecond> Seconds { get; } = [.. Enumerable.Range(0, (int)OverloadScenario.Seconds + 1).Select(_ => new OverloadSecond())];

    /// <summary>What clients wanted.</summary>
    public List<OfferedRequest> Requests { get; } = [];

    /// <summary>What was worked on: when it ended, and how long it took from its arrival at the door and until it was let in, in milliseconds.</summary>
    public List<(double At, double Milliseconds, double WaitMilliseconds)> Executed { get; } = [];

    /// <summary>The most that ever waited before the door.</summary>
    public int MostWaiting { get; set; }

    /// <summary>Requests per second answered in time, from the beginning of one second to that of another.</summary>
    public double GoodPerSecond(int from, int to) => Seconds.Take(from..to).Average(second => second.Good);

    /// <summary>Share of the requests of a tier that came in this time and were answered in time.</summary>
    public double GoodShare(int tier, double from, double to)
    {
        var requests = Requests.Where(request => request.Tier == tier && request.At >= from && request.At < to).ToList();
        return requests.Count == 0 ? 1 : (double)requests.Count(request => request.IsGood) / requests.Count;
    }

    /// <summary>Below this stayed 99 % of what was worked on in this time.</summary>
    public double P99(double from, double to, Func<(double At, double Milliseconds, double WaitMilliseconds), double> of)
    {
        var sorted = Executed.Where(executed => executed.At >= from && executed.At < to).Select(of).Order().ToList();
        return sorted.Count == 0 ? 0 : sorted[(int)(0.99 * (sorted.Count - 1))];
    }
}
