using System.Collections.ObjectModel;
using Grpc.Core;

namespace FeedMall.Rpc.Errors;

/// <summary>
/// A refusal that the caller is meant to read: a code, a reason of a closed set, a message for people, and details.
/// Over gRPC it travels as status + google.rpc.ErrorInfo (spec §11.2), over REST as the failure envelope.
/// </summary>
public sealed class ServiceException : Exception
{
    /// <summary>A refusal.</summary>
    /// <param name="code">The gRPC status; never OK.</param>
    /// <param name="reason">UPPER_SNAKE, service-prefixed unless it is one of <see cref="Reasons"/>.</param>
    /// <param name="message">For people; no internals.</param>
    /// <param name="metadata">Details by name, such as field → message.</param>
    public ServiceException(StatusCode code, string reason, string message, IReadOnlyDictionary<string, string>? metadata = null)
        : base(message)
    {
        if (code == StatusCode.OK) throw new ArgumentException("An error cannot have the code OK.", nameof(code));
        Code = code;
        Reason = reason;
        Metadata = metadata ?? ReadOnlyDictionary<string, string>.Empty;
    }

    /// <summary>The gRPC status.</summary>
    public StatusCode Code { get; }

    /// <summary>UPPER_SNAKE, of a closed set.</summary>
    public string Reason { get; }

    /// <summary>Details by name; empty when there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }
}
