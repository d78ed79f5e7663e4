using System.Globalization;
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
    /// <param name="streams">Whether the request's body may be longer than the server's limit for bodies.</param>
    public static bool TryAccept(HttpContext http, bool streams, GrpcServiceOptions options)
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
        if (http.Request.Headers.GrpcEncoding is { Count: > 0 } encoding && !Compression.IsKnown(encoding.ToString()))
        {
            http.Response.Headers[HeaderNames.AcceptEncoding] = Compression.Accepted;
            WriteTrailersOnly(http, new Status(StatusCode.Unimplemented, $"The encoding '{encoding}' is not supported."));
            return false;
        }
        if (options.CpuUsage is { } usage && http.Request.Headers.ContainsKey(MetadataKeys.EnableCpuUsage))
            http.Response.Headers[MetadataKeys.CpuUsage] = Math.Clamp(usage(), 0, 1000).ToString(CultureInfo.InvariantCulture);
        if (streams) LiftBodyLimits(http);
        return true;
    }

    // Messages have a limit of their own and calls a deadline; the limits that HTTP puts on whole bodies would cut streams.
    private static void LiftBodyLimits(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = null;
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate) rate.MinDataRate = null;
    }

    /// <summary>Answers a path that names no method: UNIMPLEMENTED for a gRPC request, 404 for any other.</summary>
    public static void AnswerUnknown(HttpContext http, GrpcServiceOptions options, RpcTelemetry telemetry)
    {
        if (!HeaderNames.IsGrpc(http.Request.ContentType)) http.Response.StatusCode = StatusCodes.Status404NotFound;
        if (http.Response.StatusCode == StatusCodes.Status404NotFound || !TryAccept(http, streams: false, options)) return;
        WriteTrailersOnly(http, new Status(StatusCode.Unimplemented, $"The method '{http.Request.Path}' is not known here."));
        telemetry.RecordUnknownMethod();
    }

    private static void WriteTrailersOnly(HttpContext http, Status status)
    {
        http.Response.Headers[HeaderNames.Status] = HeaderNames.Format(status.StatusCode);
        http.Response.Headers[HeaderNames.Message] = PercentCoding.Encode(RpcErrors.Cut(status.Detail));
    }
}
