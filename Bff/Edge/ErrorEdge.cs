using System.Text.Json;
using FeedMall.Bff.Answers;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Protection;
using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Bff.Edge;

/// <summary>
/// THE place where exceptions, and answers that have no body yet, become failure envelopes; unless there is something else to answer
/// (<see cref="Fallbacks"/>).
/// </summary>
internal sealed partial class ErrorEdge(RequestDelegate next, Fallbacks fallbacks, Decisions decisions, ILogger<ErrorEdge> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        Refusal? refusal;
        try
        {
            await next(context);
            refusal = FindRefusal(context);
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            // The outermost edge of a request: whatever went wrong becomes an answer, and the process lives on.
            refusal = Translate(context, exception);
        }
        if (refusal is null) return;
        if (await TryFallBackAsync(context, refusal)) return;
        await decisions.WriteAsync(context, refusal);
    }

    private static Refusal? FindRefusal(HttpContext context)
    {
        if (context.Response is not { HasStarted: false, StatusCode: >= 400, ContentType: null }) return null;
        return context.Features.Get<Refusal>() ?? Without(Failures.OfStatus(context.Response.StatusCode));
    }

    private async Task<bool> TryFallBackAsync(HttpContext context, Refusal refusal)
    {
        try
        {
            return await fallbacks.TryAnswerAsync(context, refusal);
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            // What could have helped failed too.
            await decisions.WriteAsync(context, Translate(context, exception));
            return true;
        }
    }

    private Refusal Translate(HttpContext context, Exception exception)
    {
        var failure = FailureOf(context, exception);
        var retryAfter = failure.Code == StatusCodes.Status503ServiceUnavailable ? decisions.SecondsUntil(null) : (long?)null;
        return new Refusal(failure, Mechanisms.OfRefusal(failure.Reason), retryAfter, exception is RpcException or OperationCanceledException);
    }

    private static Refusal Without(Failure failure) => new(failure, null, null, IsByDependency: false);

    private Failure FailureOf(HttpContext context, Exception exception) => exception switch
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
