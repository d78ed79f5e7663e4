using System.Diagnostics;
using System.Runtime.CompilerServices;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FeedMall.Rpc.Server;

/// <summary>A call's way from here to its end.</summary>
internal delegate ValueTask ServerStep(ServerCall call);

/// <summary>
/// What every call passes on its way to the method. Telemetry is outermost so that it sees every status; errors are innermost so that
/// one place makes them.
/// </summary>
internal sealed partial class ServerChain
{
    private delegate ValueTask Link(ServerCall call, ServerStep next);

    // The answer of a server that is stopping still has to be given while it does.
    private const string HealthService = "grpc.health.v1.Health";

    private readonly RpcTelemetry _telemetry;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ILogger<ServerChain> _log;
    private readonly Link[] _links;

    public ServerChain(RpcTelemetry telemetry, IHostApplicationLifetime lifetime, ILogger<ServerChain> log)
    {
        _telemetry = telemetry;
        _lifetime = lifetime;
        _log = log;
        _links =
        [
            MeasureAsync,
            KeepDeadlineAsync,
            RefuseWhenStopping,
            // admission: to come
            AnswerErrorsAsync,
            // Validation and the interceptors of the application need the message's type: ServiceBinder puts them around the method.
        ];
    }

    /// <summary>Puts the chain around a method; done once per method, so that a call allocates nothing for it.</summary>
    public ServerStep Around(ServerStep method)
    {
        var step = method;
        for (var i = _links.Length - 1; i >= 0; i--) step = Join(_links[i], step);
        return step;
    }

    private static ServerStep Join(Link link, ServerStep next) => call => link(call, next);

    private ValueTask MeasureAsync(ServerCall call, ServerStep next)
    {
        var span = Activity.Current is null ? null : call.Http.Features.Get<IHttpActivityFeature>()?.Activity;
        return span is null && !_telemetry.MeasuresServers ? next(call) : MeasureAsync(call, next, span);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask MeasureAsync(ServerCall call, ServerStep next, Activity? span)
    {
        call.IsMeasured = true;
        await next(call);
        _telemetry.RecordServer(call.RpcMethod, call.FinalStatus.StatusCode, call.Duration);
        RpcTelemetry.Describe(span, call.RpcMethod, call.FinalStatus, IsOurFault(call.FinalStatus.StatusCode));
    }

    // A call that arrives too late is not begun. Later the deadline answers by itself, even past a method that ignores its token;
    // the call is over for the server, and its place free, only when the method has really ended.
    private static ValueTask KeepDeadlineAsync(ServerCall call, ServerStep next)
    {
        if (!call.TryStart()) return ValueTask.CompletedTask;
        var method = next(call);
        // What is over at once, and well, was answered in time.
        return method.IsCompletedSuccessfully && call.DeadlineAnswered is null ? method : KeepDeadlineAsync(call, method);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask KeepDeadlineAsync(ServerCall call, ValueTask method)
    {
        await method;
        if (call.DeadlineAnswered is { } answered) await answered;
    }

    // What runs is finished, what is new goes elsewhere. It was not begun here, so any caller may send it again.
    private ValueTask RefuseWhenStopping(ServerCall call, ServerStep next)
    {
        if (!_lifetime.ApplicationStopping.IsCancellationRequested || call.RpcMethod.ServiceName == HealthService) return next(call);
        var refusal = RpcErrors.Create(StatusCode.Unavailable, Reasons.NoEndpoint, "The server is stopping: call another one.",
            call.RpcMethod.ServiceName, RpcErrors.NotStarted);
        call.End(refusal.Status, refusal.Trailers);
        return ValueTask.CompletedTask;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask AnswerErrorsAsync(ServerCall call, ServerStep next)
    {
        RequestContext.Enter(call);
        try
        {
            await next(call);
        }
        catch (Exception exception)
        {
            // The outermost edge of a call: whatever went wrong becomes a status, and the process lives on.
            var error = Translate(call, exception);
            if (error is not null) call.End(error.Status, error.Trailers);
        }
    }

    // Null: the call has its answer already, and what the method came to afterwards interests nobody.
    private RpcException? Translate(ServerCall call, Exception exception)
    {
        var domain = call.RpcMethod.ServiceName;
        switch (exception)
        {
            case not null when call.IsEnded:
                LogLate(call.Method, exception.GetType());
                return null;
            case ServiceException refusal:
                return RpcErrors.Create(refusal.Code, refusal.Reason, refusal.Message, domain, refusal.Metadata);
            case RpcException { IsFromCall: true } error:
                return Upstream(call, error);
            case RpcException { StatusCode: not StatusCode.OK } error:
                return error;
            case BadHttpRequestException or ConnectionResetException or LostCallerException:
                return RpcErrors.Create(StatusCode.Cancelled, Reasons.Cancelled, "The caller gave up.", domain);
            default:
                LogUnhandled(call.Method, exception!);
                return RpcErrors.Create(StatusCode.Internal, Reasons.Internal, "Internal error.", domain);
        }
    }

    // A call to another service failed and the method let it escape (spec §11.4): its caller hears what that means for this call, and
    // nothing of what stands behind it.
    private RpcException Upstream(ServerCall call, RpcException error)
    {
        if (error.StatusCode == StatusCode.Cancelled && call.IsEnded) return error;
        var isBusy = error.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted;
        var code = isBusy || error.StatusCode == StatusCode.DeadlineExceeded ? StatusCode.Unavailable : StatusCode.Internal;
        if (error.StatusCode == StatusCode.DeadlineExceeded && call.Remaining <= TimeSpan.Zero) code = StatusCode.DeadlineExceeded;
        LogUpstream(call.Method, error.Status.StatusCode, error.Status.Detail);
        return RpcErrors.Create(code, Reasons.UpstreamError, "A service behind this one failed.", call.RpcMethod.ServiceName,
            isBusy && (error.GaveUp || error.SaysNoRetry()) ? RpcErrors.NoRetry : null);
    }

    private static bool IsOurFault(StatusCode code) =>
        code is StatusCode.Unknown or StatusCode.DeadlineExceeded or StatusCode.Unimplemented or StatusCode.Internal
            or StatusCode.Unavailable or StatusCode.DataLoss;

    [LoggerMessage(1, LogLevel.Error, "The method {Method} failed")]
    private partial void LogUnhandled(string method, Exception exception);

    [LoggerMessage(3, LogLevel.Warning, "The method {Method} failed because a call behind it ended with {Status}: {Detail}")]
    private partial void LogUpstream(string method, StatusCode status, string detail);

    [LoggerMessage(2, LogLevel.Debug, "The method {Method} ended with {Exception} after its call had ended")]
    private partial void LogLate(string method, Type exception);
}
