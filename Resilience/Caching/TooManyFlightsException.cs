namespace FeedMall.Resilience.Caching;

/// <summary>So many loads run already that another one was not begun: answer as overloaded, and do not retry at once.</summary>
public sealed class TooManyFlightsException(int maxFlights) : Exception($"{maxFlights} loads run already")
{
    /// <summary>The bound that was reached.</summary>
    public int MaxFlights { get; } = maxFlights;
}
