using System.Net.Http.Headers;
using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>How far a failed attempt got.</summary>
internal enum Reach
{
    /// <summary>The server answered, or may have begun to work on the call.</summary>
    Server,
    /// <summary>The connection broke under the call; the server may have begun to work on it.</summary>
    BrokenConnection,
    /// <summary>The connection broke before the one request of the call was sent, so the server cannot have begun.</summary>
    NothingSent,
    /// <summary>The server has not begun: the call may be sent again whatever it does.</summary>
    NotStarted,
    /// <summary>There was no connection, so nothing was sent.</summary>
    NoConnection,
    /// <summary>This side ended the call.</summary>
    Here,
}

/// <summary>How a call, or one attempt of it, ended, and what the server sent behind its last message.</summary>
internal sealed class CallOutcome
{
    /// <summary>Not an end: a stream has begun to arrive.</summary>
    public static readonly CallOutcome Begun = new(Status.DefaultSuccess, [], Reach.Server);

    private readonly HttpResponseHeaders? _received;
    private Metadata? _trailers;

    /// <summary>The end that the server told; its trailers are read when somebody asks.</summary>
    public CallOutcome(Status status, HttpResponseHeaders received) => (Status, _received) = (status, received);

    private CallOutcome(Status status, Metadata trailers, Reach reach) => (Status, _trailers, Reach) = (status, trailers, reach);

    public Status Status { get; }

    public Reach Reach { get; }

    public Metadata Trailers => _trailers ??= ResponseReading.Metadata(_received!);

    public bool IsOk => Status.StatusCode == StatusCode.OK;

    /// <summary>Why it failed, as its server or this side says.</summary>
    public string Reason => ToException().FindErrorInfo()?.Reason ?? Reasons.UpstreamError;

    /// <summary>Whether it could have been tried again and was not, because attempts, budget or time were used up.</summary>
    public bool GaveUp { get; private init; }

    /// <summary>An end without trailers.</summary>
    public static CallOutcome Of(StatusCode code, string message) => new(new Status(code, message), [], Reach.Server);

    /// <summary>An end that this side decided on; its reason reads like one that came from the server.</summary>
    public static CallOutcome Local(ClientCall call, StatusCode code, string reason, string message, Reach reach = Reach.Here)
    {
        var error = RpcErrors.Create(code, reason, message, call.Method.ServiceName);
        return new CallOutcome(error.Status, error.Trailers, reach);
    }

    /// <summary>The end that an exception means.</summary>
    public static CallOutcome From(Exception exception, ClientCall call)
    {
        if (exception is RpcException known) return new CallOutcome(known.Status, known.Trailers, Reach.Here);
        var (error, reach) = TransportErrors.Translate(exception, call.Method.ServiceName);
        return new CallOutcome(error.Status, error.Trailers, reach);
    }

    /// <summary>The same end of an attempt whose request was not sent: nothing but the connection can be to blame.</summary>
    public CallOutcome AsNothingSent() =>
        Reach is Reach.NoConnection or Reach.NotStarted or Reach.Here ? this : new(new Status(StatusCode.Unavailable, Status.Detail), Trailers, Reach.NothingSent);

    /// <summary>The same, after another attempt was considered and not made.</summary>
    public CallOutcome AsGivenUp() => new(Status, Trailers, Reach) { GaveUp = true };

    public RpcException ToException() => new(Status, Trailers) { IsFromCall = true, GaveUp = GaveUp };
}
