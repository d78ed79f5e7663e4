namespace FeedMall.Resilience.Load;

/// <summary>How busy something is.</summary>
public interface ILoadSignal
{
    /// <summary>0 idle, 1000 at its end. Thread safe, cheap, never throws.</summary>
    double Permille { get; }
}
