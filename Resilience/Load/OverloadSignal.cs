namespace FeedMall.Resilience.Load;

/// <summary>The highest of several signals: an asynchronous service may be at its end in one way only. (ALGORITHMS §3.7.)</summary>
public sealed class OverloadSignal(params ILoadSignal[] signals) : ILoadSignal
{
    /// <inheritdoc/>
    public double Permille
    {
        get
        {
            var highest = 0.0;
            foreach (var signal in signals) highest = Math.Max(highest, signal.Permille);
            return highest;
        }
    }
}
