using System.Text.Json;
using FeedMall.Bff.Answers;
using FeedMall.Bff.Protection;
using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Bff.Edge;

/// <summary>THE place where exceptions, and answers that have no body yet, become failure envelopes.</summary>
internal sealed partial class ErrorEdge(RequestDelegate next, Decisions decisions, ILogger<ErrorEdge> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null }) await Failures.WriteAsync(context, Failures.OfStatus(context.Response.StatusCode));
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            // The outermost edge of a request: whatever went wrong becomes an answer, and the process lives on.
            var failure = Translate(context, exception);
            if (Mechanisms.OfRefusal(failure.Reason) is { } mechanism) decisions.Tell(context, mechanism, failure.Reason, Effect.Refused);
            await Failures.WriteAsync(context, failure);
        }
    }

    private Failure Translate(HttpContext context, Exception exception) => exception switch
    {
        ServiceException refusal => Failures.Of(refusal),
        RpcException error => Upstream(error),
        BadHttpRequestException { InnerException: JsonException json } => Failures.Of(json),
        JsonException json => Failures.Of(json),
        BadHttpRequestException bad => Failures.Of(bad),
        OperationCanceledException when context.Features.Get<RequestContext>() is { CallerGone.IsCancellationRequested: true } => Failures.OfStatus(499),
        OperationCanceledException => Failures.OfStatus(StatusCodes.Status504GatewayTimeout),
        _ => Unexpected(exception),
    };

    private Failure Upstream(RpcException error)
    {
        // What does not answer or is too late is counted; what broke is told, because the answer does not tell it.
        var failure = Failures.Of(error);
        if (failure.Code == StatusCodes.Status500InternalServerError) LogUpstream(error.StatusCode, error.Status.Detail);
        return failure;
    }

    private Failure Unexpected(Exception exception)
    {
        LogUnexpected(exception);
        return Failures.OfStatus(StatusCodes.Status500InternalServerError);
    }

    [LoggerMessage(2, LogLevel.Warning, "A service behind this one failed: {Code} {Detail}")]
    private partial void LogUpstream(StatusCode code, string? detail);

    [LoggerMessage(1, LogLevel.Error, "A request failed unexpectedly")]
    private partial void LogUnexpected(Exception exception);
}
