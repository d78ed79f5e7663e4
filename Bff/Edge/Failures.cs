using FeedMall.Resilience;
using System.Collections.ObjectModel;
using System.Text.Json;
using FeedMall.Bff.Answers;
using FeedMall.Bff.Protection;
using FeedMall.Rpc.Errors;
using FeedMall.Bff.Requests;
using Grpc.Core;

namespace FeedMall.Bff.Edge;

/// <summary>
/// The failure envelope of every kind of error (spec §11). Refusals by the business of our own services pass through with their reason
/// ("transparent", §11.4); what says something about our inside becomes a general answer.
/// </summary>
internal static class Failures
{
    private static readonly IReadOnlyDictionary<string, string> None = ReadOnlyDictionary<string, string>.Empty;

    public static Failure Of(ServiceException refusal) =>
        new(StatusTables.ToHttp(refusal.Code), refusal.Reason, refusal.Message, refusal.Metadata, "");

    public static Failure Of(RpcException error)
    {
        var info = error.FindErrorInfo();
        switch (error.StatusCode)
        {
            case StatusCode.DeadlineExceeded:
                return new Failure(504, info?.Reason is RefusalReasons.DeadlineInsufficient ? RefusalReasons.DeadlineInsufficient : RefusalReasons.DeadlineExceeded,
                    "The answer did not come in time: try again, or with more time.", None, "");
            case StatusCode.Unavailable:
                return new Failure(503, info?.Reason is Reasons.NoEndpoint || Mechanisms.OfRefusal(info?.Reason ?? "") is not null ? info!.Reason : Reasons.UpstreamError,
                    "A service behind this one does not answer just now: try again later.", None, "");
            case StatusCode.Cancelled:
                return OfStatus(499);
        }
        // Without a reason it is no refusal by our business but a defect between us.
        if (info is null || error.StatusCode is StatusCode.Internal or StatusCode.Unknown or StatusCode.DataLoss or StatusCode.Unimplemented)
            return new Failure(500, Reasons.UpstreamError, "A service behind this one failed.", None, "");
        return new Failure(StatusTables.ToHttp(error.StatusCode), info.Reason, error.Status.Detail, info.Metadata, "");
    }

    /// <summary>The answer to who was turned away by a mechanism.</summary>
    public static Failure Of(Reason reason) => reason switch
    {
        Reason.RateLimited or Reason.QuotaExceeded => new Failure(429, reason.Text(), "Too many requests: try again after the time in Retry-After.", None, ""),
        Reason.DeadlineExceeded or Reason.DeadlineInsufficient => new Failure(504, reason.Text(), "The answer would not come in time: try again, or with more time.", None, ""),
        Reason.Degraded => new Failure(503, reason.Text(), "This was taken out for a while: try again after the time in Retry-After.", None, ""),
        _ => new Failure(503, reason.Text(), "There is more to do than can be done just now: try again after the time in Retry-After.", None, ""),
    };

    /// <summary>Writes the envelope, in place of whatever was to be the answer.</summary>
    public static Task WriteAsync(HttpContext context, Failure failure)
    {
        // What was set for a success does not belong to a failure; what authentication set does.
        context.Response.Headers.Remove("ETag");
        context.Response.StatusCode = failure.Code;
        var callerGone = context.Features.Get<RequestContext>()?.CallerGone ?? context.RequestAborted;
        // Nobody is there to read it; the status is for the access log.
        if (callerGone.IsCancellationRequested) return Task.CompletedTask;
        // At once and with its length, as refusals are many when there is no time for them.
        var body = JsonSerializer.SerializeToUtf8Bytes(failure with { TraceId = RequestContext.TraceId }, Json.OfFailures);
        (context.Response.ContentType, context.Response.ContentLength) = (Json.ContentType, body.Length);
        return context.Response.Body.WriteAsync(body, callerGone).AsTask();
    }

    public static Failure Of(JsonException json)
    {
        // "$.images[0].url" → "images[0].url"; the text of the exception itself names our types, so it stays here.
        var field = json.Path is { Length: > 2 } path && path.StartsWith("$.", StringComparison.Ordinal) ? BodyValidation.CamelCase(path[2..]) : "body";
        return Invalid(field, field == "body" ? "must be well-formed JSON of the documented shape" : "has the wrong type or is out of range");
    }

    public static Failure Of(BadHttpRequestException bad) => bad.StatusCode switch
    {
        StatusCodes.Status400BadRequest => Invalid("body", "must be there, as a JSON object of the documented shape"),
        _ => OfStatus(bad.StatusCode),
    };

    /// <summary>The envelope of a status that has no further story.</summary>
    public static Failure OfStatus(int status)
    {
        var (reason, message) = status switch
        {
            401 => (Reasons.Unauthenticated, "This needs a valid token: log in and send it as 'Authorization: Bearer …'."),
            403 => (Reasons.PermissionDenied, "This is not allowed."),
            404 => (BffReasons.RouteNotFound, "There is nothing at this address: see /swagger for what there is."),
            405 => (BffReasons.MethodNotAllowed, "This address does not have this method: see the Allow header."),
            408 => (BffReasons.RequestTimeout, "The body did not come in time."),
            413 => (BffReasons.BodyTooLarge, "The body is too large."),
            415 => (BffReasons.UnsupportedMediaType, "The body must be sent as 'Content-Type: application/json', in UTF-8 and not compressed."),
            499 => (Reasons.Cancelled, "The caller gave up."),
            504 => (RefusalReasons.DeadlineExceeded, "The answer did not come in time: try again, or with more time."),
            >= 500 => (Reasons.Internal, "Something went wrong on our side; the trace id helps us to find it."),
            _ => (BffReasons.BadRequest, "The request cannot be read."),
        };
        return new Failure(status, reason, message, None, "");
    }

    private static Failure Invalid(string field, string message) => new(
        400, Reasons.ValidationFailed, "The request is not valid: see the metadata.", new Dictionary<string, string> { [field] = message }, "");
}
