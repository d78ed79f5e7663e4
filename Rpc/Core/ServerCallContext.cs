namespace Grpc.Core;

/// <summary>What a service method knows about the call it answers.</summary>
public abstract class ServerCallContext
{
    /// <summary>"/package.Service/Method".</summary>
    public abstract string Method { get; }

    /// <summary>The authority that the caller asked for.</summary>
    public abstract string Host { get; }

    /// <summary>Who calls: "ipv4:127.0.0.1:50000", "ipv6:[::1]:50000" or "unix:path".</summary>
    public abstract string Peer { get; }

    /// <summary>UTC. Every call has one: the caller's, or the server's default.</summary>
    public abstract DateTime Deadline { get; }

    /// <summary>What the caller sent, without the protocol's own headers.</summary>
    public abstract Metadata RequestHeaders { get; }

    /// <summary>Fires when the deadline passes, the caller cancels or the connection breaks.</summary>
    public abstract CancellationToken CancellationToken { get; }

    /// <summary>Sent after the last message.</summary>
    public abstract Metadata ResponseTrailers { get; }

    /// <summary>How the call ends when the method returns normally; OK unless set.</summary>
    public abstract Status Status { get; set; }

    /// <summary>How responses are written; null: the way of the server.</summary>
    public abstract WriteOptions? WriteOptions { get; set; }

    /// <summary>A place for interceptors and methods to keep things for the time of this call.</summary>
    public abstract IDictionary<object, object> UserState { get; }

    /// <summary>Sends headers now; at most once, and before the first message.</summary>
    public abstract Task WriteResponseHeadersAsync(Metadata responseHeaders);
}
