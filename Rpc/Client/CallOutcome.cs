using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>How a call ended, and what the server sent behind its last message.</summary>
internal sealed record CallOutcome(Status Status, Metadata Trailers)
{
    public bool IsOk => Status.StatusCode == StatusCode.OK;

    /// <summary>An end without trailers.</summary>
    public static CallOutcome Of(StatusCode code, string message) => new(new Status(code, message), []);

    /// <summary>An end that this side decided on; its reason reads like one that came from the server.</summary>
    public static CallOutcome Local(ClientCall call, StatusCode code, string reason, string message) =>
        From(RpcErrors.Create(code, reason, message, call.Method.ServiceName), call);

    /// <summary>The end that an exception means.</summary>
    public static CallOutcome From(Exception exception, ClientCall call)
    {
        var error = exception as RpcException ?? TransportErrors.Translate(exception, call.Method.ServiceName);
        return new CallOutcome(error.Status, error.Trailers);
    }

    public RpcException ToException() => new(Status, Trailers);
}
