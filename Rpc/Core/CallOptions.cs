namespace Grpc.Core;

/// <summary>What a caller says about one call.</summary>
/// <param name="headers">Sent before the request; null sends none.</param>
/// <param name="deadline">UTC; null means the client's default timeout, never "for ever".</param>
/// <param name="cancellationToken">Ends the call with CANCELLED.</param>
/// <param name="writeOptions">How its requests are written; null: the way of the client.</param>
public readonly struct CallOptions(
    Metadata? headers = null, DateTime? deadline = null, CancellationToken cancellationToken = default, WriteOptions? writeOptions = null)
{
    /// <summary>Sent before the request.</summary>
    public Metadata? Headers { get; } = headers;

    /// <summary>UTC; null means the client's default timeout.</summary>
    public DateTime? Deadline { get; } = deadline;

    /// <summary>Ends the call with CANCELLED.</summary>
    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>How the requests are written; null: the way of the client.</summary>
    public WriteOptions? WriteOptions { get; } = writeOptions;

    /// <summary>Whether the call waits, within its deadline, while no address of the service can be reached. Without it such a call fails at once.</summary>
    public bool IsWaitForReady { get; private init; }

    /// <summary>The same with other headers.</summary>
    public CallOptions WithHeaders(Metadata headers) => new(headers, Deadline, CancellationToken, WriteOptions) { IsWaitForReady = IsWaitForReady };

    /// <summary>The same with another deadline (UTC).</summary>
    public CallOptions WithDeadline(DateTime deadline) => new(Headers, deadline, CancellationToken, WriteOptions) { IsWaitForReady = IsWaitForReady };

    /// <summary>The same with another token.</summary>
    public CallOptions WithCancellationToken(CancellationToken cancellationToken) =>
        new(Headers, Deadline, cancellationToken, WriteOptions) { IsWaitForReady = IsWaitForReady };

    /// <summary>The same with another way to write requests.</summary>
    public CallOptions WithWriteOptions(WriteOptions writeOptions) =>
        new(Headers, Deadline, CancellationToken, writeOptions) { IsWaitForReady = IsWaitForReady };

    /// <summary>The same, waiting for an address that can be reached or not.</summary>
    public CallOptions WithWaitForReady(bool waitForReady = true) =>
        new(Headers, Deadline, CancellationToken, WriteOptions) { IsWaitForReady = waitForReady };
}
