namespace Grpc.Core;

/// <summary>A status code with a message for people.</summary>
public readonly struct Status : IEquatable<Status>
{
    /// <summary>OK, without a message.</summary>
    public static readonly Status DefaultSuccess = new(StatusCode.OK, "");

    /// <summary>CANCELLED, without a message.</summary>
    public static readonly Status DefaultCancelled = new(StatusCode.Cancelled, "");

    /// <summary>A status as it travels.</summary>
    public Status(StatusCode statusCode, string? detail) : this(statusCode, detail, null) { }

    /// <summary>A status made on this side; <paramref name="debugException"/> never leaves the process.</summary>
    public Status(StatusCode statusCode, string? detail, Exception? debugException)
    {
        StatusCode = statusCode;
        Detail = detail ?? "";
        DebugException = debugException;
    }

    /// <summary>How the call ended.</summary>
    public StatusCode StatusCode { get; }

    /// <summary>The message, never null.</summary>
    public string Detail { get; }

    /// <summary>What caused it on this side, if anything did.</summary>
    public Exception? DebugException { get; }

    /// <inheritdoc/>
    public bool Equals(Status other) => StatusCode == other.StatusCode && Detail == other.Detail;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Status other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(StatusCode, Detail);

    /// <summary>Same code and message.</summary>
    public static bool operator ==(Status left, Status right) => left.Equals(right);

    /// <summary>Another code or message.</summary>
    public static bool operator !=(Status left, Status right) => !left.Equals(right);

    /// <inheritdoc/>
    public override string ToString() => $"{StatusCode}: {Detail}";
}
