using System.Globalization;
using System.Net.Http.Headers;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>What the protocol looks for in headers or trailers; found in one walk, which costs less than to look each of them up.</summary>
/// <param name="Status">The value of grpc-status. In headers it means that no message is expected ("trailers-only").</param>
/// <param name="Message">The value of grpc-message.</param>
/// <param name="Encoding">How the server's messages are compressed, or null.</param>
/// <param name="CpuUsage">How busy the server says it is, 0 to 1000, or null.</param>
/// <param name="Bytes">How much room all of them take in a header block before it is compressed.</param>
internal readonly record struct ResponseHead(string? Status, string? Message, string? Encoding, int? CpuUsage, int Bytes)
{
    public static ResponseHead Read(HttpResponseHeaders headers)
    {
        var (status, message, encoding, cpuUsage, bytes) = default(ResponseHead);
        foreach (var (name, values) in headers.NonValidated)
        {
            foreach (var value in values) bytes += MetadataCoding.BytesPerEntry + name.Length + value.Length;
            if (Is(name, HeaderNames.Status)) status = values.ToString();
            else if (Is(name, HeaderNames.Message)) message = values.ToString();
            else if (Is(name, HeaderNames.Encoding)) encoding = values.ToString();
            else if (Is(name, MetadataKeys.CpuUsage)) cpuUsage = ParseUsage(values.ToString());
        }
        return new ResponseHead(status, message, encoding, cpuUsage, bytes);
    }

    private static bool Is(string name, string wanted) => name.Equals(wanted, StringComparison.OrdinalIgnoreCase);

    private static int? ParseUsage(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var permille) && permille <= 1000 ? permille : null;
}

/// <summary>What an answer means (spec §13.2).</summary>
internal static class ResponseReading
{
    /// <summary>The end of a call whose answer is no gRPC answer, or null for one that is.</summary>
    public static CallOutcome? FindFault(HttpResponseMessage response, in ResponseHead head, int maxMetadataBytes)
    {
        var status = (int)response.StatusCode;
        if (head.Status is null)
        {
            if (status != 200)
                return CallOutcome.Of(StatusTables.FromForeignHttp(status), $"The server answered with HTTP status {status} and no gRPC status.");
            var contentType = response.Content.Headers.NonValidated.TryGetValues("content-type", out var types) ? types.ToString() : null;
            if (!HeaderNames.IsGrpc(contentType))
                return CallOutcome.Of(StatusCode.Unknown, $"The server answered with the content type '{contentType}' instead of application/grpc.");
        }
        if (head.Bytes > maxMetadataBytes) return TooLarge("headers", maxMetadataBytes);
        return Compression.IsKnown(head.Encoding) ? null : CallOutcome.Of(StatusCode.Internal, $"The server uses the encoding '{head.Encoding}', which was not offered.");
    }

    /// <summary>
    /// At the end of the body: the status stands in the trailers. In the headers it counts only when they were all that came.
    /// </summary>
    public static CallOutcome ReadOutcome(HttpResponseMessage response, in ResponseHead head, bool hasMessages, int maxMetadataBytes)
    {
        var trailers = response.TrailingHeaders;
        var end = ResponseHead.Read(trailers);
        var isTrailer = hasMessages || end.Status is not null;
        // Headers were looked at when they came.
        if (isTrailer && end.Bytes > maxMetadataBytes) return TooLarge("trailers", maxMetadataBytes);
        var (source, found) = isTrailer ? (trailers, end) : (response.Headers, head);
        if (found.Status is null) return new CallOutcome(new Status(StatusCode.Unknown, "The server ended the call without a status."), trailers);
        var code = HeaderNames.ParseStatus(found.Status);
        if (code == StatusCode.OK && found.Message is null) return new CallOutcome(Status.DefaultSuccess, source);
        return new CallOutcome(new Status(code, found.Message is null ? "" : PercentCoding.Decode(found.Message)), source);
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
