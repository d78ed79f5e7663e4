using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace FeedMall.Rpc.Server;

/// <summary>What is checked before a request counts as a call.</summary>
internal static class ServerProtocol
{
    /// <summary>Refuses what is no gRPC request; true for one that is, whose response is then prepared.</summary>
    /// <param name="streams">Whether the method takes a stream of requests.</param>
    public static bool TryAccept(HttpContext http, bool streams)
    {
        if (!HeaderNames.IsGrpc(http.Request.ContentType))
        {
            http.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return false;
        }
        if (http.Request.Protocol != HttpProtocol.Http2)
        {
            http.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            http.Response.Headers.Upgrade = "HTTP/2";
            return false;
        }
        http.Response.ContentType = HeaderNames.ContentType;
        if (http.Request.Headers.TryGetValue(HeaderNames.Encoding, out var encoding) && !Compression.IsKnown(encoding.ToString()))
        {
            http.Response.Headers[HeaderNames.AcceptEncoding] = Compression.Accepted;
            WriteTrailersOnly(http, new Status(StatusCode.Unimplemented, $"The encoding '{encoding}' is not supported."));
            return false;
        }
        if (streams) LiftBodyLimits(http);
        return true;
    }

    /// <summary>Messages have a limit of their own and calls a deadline; the limits that HTTP puts on whole bodies would cut streams.</summary>
    public static void LiftBodyLimits(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = null;
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate) rate.MinDataRate = null;
    }

    /// <summary>Answers a path that names no method: UNIMPLEMENTED for a gRPC request, 404 for any other.</summary>
    public static Task AnswerUnknown(HttpContext http)
    {
        if (!HeaderNames.IsGrpc(http.Request.ContentType)) http.Response.StatusCode = StatusCodes.Status404NotFound;
        else if (TryAccept(http, streams: false)) WriteTrailersOnly(http, new Status(StatusCode.Unimplemented, $"The method '{http.Request.Path}' is not known here."));
        return Task.CompletedTask;
    }

    private static void WriteTrailersOnly(HttpContext http, Status status)
    {
        http.Response.Headers[HeaderNames.Status] = HeaderNames.Format(status.StatusCode);
        http.Response.Headers[HeaderNames.Message] = PercentCoding.Encode(RpcErrors.Cut(status.Detail));
    }
}
