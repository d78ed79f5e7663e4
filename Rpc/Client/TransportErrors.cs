using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>What a broken transport means in gRPC's words (spec §13.3).</summary>
internal static class TransportErrors
{
    // Error codes of HTTP/2, RFC 9113 section 7.
    private const long RefusedStream = 7;
    private const long Cancel = 8;
    private const long EnhanceYourCalm = 11;
    private const long InadequateSecurity = 12;

    /// <summary>The error of a call whose transport failed in this way, and how far the call got.</summary>
    public static (RpcException Error, Reach Reach) Translate(Exception exception, string service)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpProtocolException protocol && IsResetOfStream(protocol)) return FromReset(protocol.ErrorCode, service, exception);
        }
        return exception switch
        {
            HttpRequestException
            {
                HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError,
            } => (RpcErrors.Create(StatusCode.Unavailable, Reasons.NoEndpoint, $"No connection to {service}.", service, cause: exception), Reach.NoConnection),
            // The address left, or the channel was closed, between the pick and the sending.
            ObjectDisposedException => (RpcErrors.Create(StatusCode.Unavailable, Reasons.NoEndpoint, $"No connection to {service}.", service, cause: exception), Reach.NoConnection),
            HttpRequestException or IOException or OperationCanceledException =>
                (RpcErrors.Create(StatusCode.Unavailable, Reasons.UpstreamError, $"The connection to {service} broke.", service, cause: exception), Reach.BrokenConnection),
            _ => (RpcErrors.Create(StatusCode.Internal, Reasons.Internal, $"The call to {service} failed.", service, cause: exception), Reach.Here),
        };
    }

    // The end of a connection (drained, out of step, or dead: a ping without answer) comes with the same type and perhaps the same code as
    // the reset of one stream; only the text tells them apart.
    private static bool IsResetOfStream(HttpProtocolException protocol) => protocol.Message.Contains("stream", StringComparison.OrdinalIgnoreCase);

    private static (RpcException, Reach) FromReset(long code, string service, Exception cause)
    {
        var (status, reason) = code switch
        {
            RefusedStream => (StatusCode.Unavailable, Reasons.UpstreamError),
            Cancel => (StatusCode.Cancelled, Reasons.Cancelled),
            EnhanceYourCalm => (StatusCode.ResourceExhausted, Reasons.UpstreamError),
            InadequateSecurity => (StatusCode.PermissionDenied, Reasons.UpstreamError),
            _ => (StatusCode.Internal, Reasons.UpstreamError),
        };
        var error = RpcErrors.Create(status, reason, $"{service} reset the call (HTTP/2 code {code}).", service, cause: cause);
        return (error, code == RefusedStream ? Reach.NotStarted : Reach.Server);
    }
}
