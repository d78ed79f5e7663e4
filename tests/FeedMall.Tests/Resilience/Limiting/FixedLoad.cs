using FeedMall.Resilience.Load;

namespace FeedMall.Tests.Resilience.Limiting;

/// <summary>A load that a test sets.</summary>
internal sealed class FixedLoad(double permille) : ILoadSignal
{
    public double Permille { get; set; } = permille;
}
