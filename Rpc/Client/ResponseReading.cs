using System.Globalization;
using System.Net.Http.Headers;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>What headers and trailers of an answer say (spec §13.2).</summary>
internal static class ResponseReading
{
    /// <summary>Whether the status stands in the headers, so that no message is expected ("trailers-only").</summary>
    public static bool HasStatus(HttpResponseMessage response) => response.Headers.NonValidated.Contains(HeaderNames.Status);

    /// <summary>The end of a call whose answer is no gRPC answer, or null for one that is.</summary>
    public static CallOutcome? FindFault(HttpResponseMessage response, int maxMetadataBytes)
    {
        var status = (int)response.StatusCode;
        if (!HasStatus(response))
        {
            if (status != 200)
                return CallOutcome.Of(StatusTables.FromForeignHttp(status), $"The server answered with HTTP status {status} and no gRPC status.");
            var contentType = response.Content.Headers.NonValidated.TryGetValues("content-type", out var types) ? types.ToString() : null;
            if (!HeaderNames.IsGrpc(contentType))
                return CallOutcome.Of(StatusCode.Unknown, $"The server answered with the content type '{contentType}' instead of application/grpc.");
        }
        if (MetadataCoding.SizeOf(response.Headers) > maxMetadataBytes) return TooLarge("headers", maxMetadataBytes);
        var encoding = Encoding(response);
        return Compression.IsKnown(encoding) ? null : CallOutcome.Of(StatusCode.Internal, $"The server uses the encoding '{encoding}', which was not offered.");
    }

    /// <summary>How the server's messages are compressed, or null.</summary>
    public static string? Encoding(HttpResponseMessage response) =>
        response.Headers.NonValidated.TryGetValues(HeaderNames.Encoding, out var encoding) ? encoding.ToString() : null;

    /// <summary>How busy the server says it is, 0 to 1000, or null.</summary>
    public static int? FindCpuUsage(HttpResponseMessage response) =>
        response.Headers.NonValidated.TryGetValues(MetadataKeys.CpuUsage, out var text)
        && int.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var permille) && permille <= 1000 ? permille : null;

    /// <summary>
    /// At the end of the body: the status stands in the trailers. In the headers it counts only when they were all that came.
    /// </summary>
    public static CallOutcome ReadOutcome(HttpResponseMessage response, bool hasMessages, int maxMetadataBytes)
    {
        var trailers = response.TrailingHeaders;
        var source = hasMessages || trailers.NonValidated.Contains(HeaderNames.Status) ? trailers : response.Headers;
        // Headers were looked at when they came.
        if (source == trailers && MetadataCoding.SizeOf(trailers) > maxMetadataBytes) return TooLarge("trailers", maxMetadataBytes);
        if (!source.NonValidated.TryGetValues(HeaderNames.Status, out var text))
            return new CallOutcome(new Status(StatusCode.Unknown, "The server ended the call without a status."), trailers);
        var code = HeaderNames.ParseStatus(text.ToString());
        if (code == StatusCode.OK && !source.NonValidated.Contains(HeaderNames.Message)) return new CallOutcome(Status.DefaultSuccess, source);
        var detail = source.NonValidated.TryGetValues(HeaderNames.Message, out var message) ? PercentCoding.Decode(message.ToString()) : "";
        return new CallOutcome(new Status(code, detail), source);
    }

    public static Metadata Metadata(HttpResponseHeaders headers)
    {
        var metadata = new Metadata();
        foreach (var (name, values) in headers.NonValidated)
        {
            foreach (var value in values) MetadataCoding.Decode(metadata, name, value);
        }
        return metadata;
    }

    private static CallOutcome TooLarge(string where, int limit) =>
        CallOutcome.Of(StatusCode.ResourceExhausted, $"The {where} of the answer are larger than the {limit} bytes that are accepted.");
}
