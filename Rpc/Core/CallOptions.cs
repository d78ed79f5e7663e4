namespace Grpc.Core;

/// <summary>What a caller says about one call.</summary>
/// <param name="headers">Sent before the request; null sends none.</param>
/// <param name="deadline">UTC; null means the client's default timeout, never "for ever".</param>
/// <param name="cancellationToken">Ends the call with CANCELLED.</param>
public readonly struct CallOptions(Metadata? headers = null, DateTime? deadline = null, CancellationToken cancellationToken = default)
{
    /// <summary>Sent before the request.</summary>
    public Metadata? Headers { get; } = headers;

    /// <summary>UTC; null means the client's default timeout.</summary>
    public DateTime? Deadline { get; } = deadline;

    /// <summary>Ends the call with CANCELLED.</summary>
    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>The same with other headers.</summary>
    public CallOptions WithHeaders(Metadata headers) => new(headers, Deadline, CancellationToken);

    /// <summary>The same with another deadline (UTC).</summary>
    public CallOptions WithDeadline(DateTime deadline) => new(Headers, deadline, CancellationToken);

    /// <summary>The same with another token.</summary>
    public CallOptions WithCancellationToken(CancellationToken cancellationToken) => new(Headers, Deadline, cancellationToken);
}
