namespace FeedMall.Resilience;

/// <summary>
/// Where chance comes from. A decision with probability p is <c>NextDouble() &lt; p</c>, so that p = 0 never happens and p = 1 always does.
/// Implementations are thread safe.
/// </summary>
public interface IChance
{
    /// <summary>A number in [0, 1), every one equally likely.</summary>
    double NextDouble();
}
