using FeedMall.Rpc.Errors;
using Grpc.Core;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace FeedMall.Rpc.Server;

/// <summary>
/// What every call passes on its way to the method, in this order: telemetry, deadline, (admission, validation: to come,) errors.
/// The telemetry is outermost so that it sees every status, the errors are innermost so that only one place makes them.
/// </summary>
internal sealed partial class ServerChain(RpcTelemetry telemetry, TimeProvider clock, ILogger<ServerChain> log)
{
    /// <summary>Puts the chain around a method; done once per method, not per call.</summary>
    public Func<ServerCall, Task> Around(Func<ServerCall, Task> method) =>
        call => MeasureAsync(call, call => CheckDeadlineAsync(call, call => AnswerErrorsAsync(call, method)));

    private async Task MeasureAsync(ServerCall call, Func<ServerCall, Task> next)
    {
        var start = clock.GetTimestamp();
        try
        {
            await next(call);
            await call.DeadlineAnswered();
        }
        finally
        {
            var status = call.FinalStatus;
            telemetry.RecordServer(call.RpcMethod, status.StatusCode, clock.GetElapsedTime(start));
            RpcTelemetry.Describe(call.Http.Features.Get<IHttpActivityFeature>()?.Activity, call.RpcMethod, status, IsOurFault(status.StatusCode));
        }
    }

    // A call that arrives too late is not begun; later the deadline answers by itself, even past a method that ignores its token.
    private static Task CheckDeadlineAsync(ServerCall call, Func<ServerCall, Task> next) =>
        call.IsDeadlineExceeded ? Task.CompletedTask : next(call);

    private async Task AnswerErrorsAsync(ServerCall call, Func<ServerCall, Task> next)
    {
        try
        {
            await next(call);
        }
        catch (Exception exception)
        {
            // The outermost edge of a call: whatever went wrong becomes a status, and the process lives on.
            var error = Translate(call, exception);
            foreach (var entry in error.Trailers) call.ResponseTrailers.Add(entry);
            call.End(error.Status);
        }
    }

    private RpcException Translate(ServerCall call, Exception exception)
    {
        var domain = call.RpcMethod.ServiceName;
        switch (exception)
        {
            case ServiceException refusal:
                return RpcErrors.Create(refusal.Code, refusal.Reason, refusal.Message, domain, refusal.Metadata);
            case RpcException error:
                return error;
            case not null when call.IsDeadlineExceeded:
                return RpcErrors.Create(StatusCode.DeadlineExceeded, Reasons.DeadlineExceeded, "The deadline passed before the call was answered.", domain);
            case not null when call.Http.RequestAborted.IsCancellationRequested:
            case BadHttpRequestException or ConnectionResetException:
                return RpcErrors.Create(StatusCode.Cancelled, Reasons.Cancelled, "The caller gave up.", domain);
            default:
                LogUnhandled(call.Method, exception!);
                return RpcErrors.Create(StatusCode.Internal, Reasons.Internal, "Internal error.", domain);
        }
    }

    private static bool IsOurFault(StatusCode code) =>
        code is StatusCode.Unknown or StatusCode.DeadlineExceeded or StatusCode.Unimplemented or StatusCode.Internal
            or StatusCode.Unavailable or StatusCode.DataLoss;

    [LoggerMessage(1, LogLevel.Error, "The method {Method} failed")]
    private partial void LogUnhandled(string method, Exception exception);
}
