namespace FeedMall.Rpc.Client;

/// <summary>What ends a call from this side: its deadline, and the token that the transport knows. Used by call after call: making them is a tenth of what a small call allocates.</summary>
internal sealed class CallTimer(TimeProvider clock) : IDisposable
{
    public DeadlineTimer Deadline { get; } = new(clock);

    /// <summary>Fires when this side ends the call.</summary>
    public CancellationTokenSource Stop { get; } = new();

    /// <summary>No call follows. The source stays whole for a Cancel that is late.</summary>
    public void Dispose() => Deadline.Dispose();
}
