namespace Grpc.Core;

/// <summary>A call that ended with another status than OK.</summary>
public sealed class RpcException : Exception
{
    /// <summary>An error without trailers.</summary>
    public RpcException(Status status) : this(status, new Metadata()) { }

    /// <summary>An error with the trailers that came, or are to go, with it.</summary>
    public RpcException(Status status, Metadata trailers)
        : base($"{status.StatusCode}: {status.Detail}", status.DebugException)
    {
        Status = status;
        Trailers = trailers;
    }

    /// <summary>How the call ended.</summary>
    public Status Status { get; }

    /// <summary>Whether it tells of a call that this process made, and not what a method of it decided.</summary>
    internal bool IsFromCall { get; init; }

    /// <summary>Whether such a call could have been tried again and was not, because attempts, budget or time were used up.</summary>
    internal bool GaveUp { get; init; }

    /// <summary>The code of <see cref="Status"/>.</summary>
    public StatusCode StatusCode => Status.StatusCode;

    /// <summary>What the server sent after its last message; empty when nothing arrived.</summary>
    public Metadata Trailers { get; }
}
