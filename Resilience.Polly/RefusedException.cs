using Polly;

namespace FeedMall.Resilience.Polly;

/// <summary>A strategy of this room refused to make the call. Like Polly's own rejections an <see cref="ExecutionRejectedException"/>. Trying again at once is of no use.</summary>
public sealed class RefusedException : ExecutionRejectedException
{
    /// <summary>Says no reason; use the other constructors.</summary>
    public RefusedException() : this(Reason.None) { }

    /// <summary>Says no reason; use the other constructors.</summary>
    public RefusedException(string message) : base(message) { }

    /// <summary>Says no reason; use the other constructors.</summary>
    public RefusedException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Refused for this reason.</summary>
    /// <param name="retryAfter">When it would be let through, as far as that is known.</param>
    public RefusedException(Reason reason, TimeSpan? retryAfter = null) : base($"refused: {reason.Text()}") => (Reason, RetryAfter) = (reason, retryAfter);

    /// <summary>Why.</summary>
    public Reason Reason { get; }

    /// <summary>When it would be let through, as far as that is known.</summary>
    public TimeSpan? RetryAfter { get; }
}
