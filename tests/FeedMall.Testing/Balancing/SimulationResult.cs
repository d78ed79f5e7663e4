namespace FeedMall.Testing.Balancing;

/// <summary>One request of a run.</summary>
/// <param name="At">When it came, in seconds.</param>
/// <param name="Server">Where it went; −1 when there was no server to pick.</param>
/// <param name="Milliseconds">How long it took.</param>
/// <param name="Succeeded">How it ended.</param>
public readonly record struct SimulatedCall(double At, int Server, double Milliseconds, bool Succeeded);

/// <summary>All requests of a run.</summary>
public sealed class SimulationResult(IReadOnlyList<SimulatedCall> calls)
{
    private readonly double[] _sorted = [.. calls.Select(call => call.Milliseconds).Order()];

    /// <summary>Every request in the order they ended.</summary>
    public IReadOnlyList<SimulatedCall> Calls => calls;

    /// <summary>Share of failed requests, in percent.</summary>
    public double ErrorPercent => 100.0 * calls.Count(call => !call.Succeeded) / calls.Count;

    /// <summary>Latency in milliseconds below which this share of the requests stayed.</summary>
    public double Percentile(double share) => _sorted[(int)Math.Min(_sorted.Length - 1, share * _sorted.Length)];

    /// <summary>
    /// Requests to a server between two times, divided by what the other servers got on average: 1 is a fair share.
    /// </summary>
    public double Share(int server, double from = 0, double to = double.MaxValue)
    {
        var there = 0;
        var elsewhere = new Dictionary<int, int>();
        foreach (var call in calls)
        {
            if (call.At < from || call.At >= to || call.Server < 0) continue;
            if (call.Server == server) there++;
            else elsewhere[call.Server] = elsewhere.GetValueOrDefault(call.Server) + 1;
        }
        return there / elsewhere.Values.Average();
    }
}
