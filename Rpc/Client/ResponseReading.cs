using System.Net.Http.Headers;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>What headers and trailers of an answer say (spec §13.2).</summary>
internal static class ResponseReading
{
    /// <summary>The end of a call whose answer is no gRPC answer, or null for one that is.</summary>
    public static CallOutcome? FindFault(HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        if (!response.Headers.NonValidated.Contains(HeaderNames.Status))
        {
            if (status != 200)
                return CallOutcome.Of(StatusTables.FromForeignHttp(status), $"The server answered with HTTP status {status} and no gRPC status.");
            var contentType = response.Content.Headers.NonValidated.TryGetValues("content-type", out var types) ? types.ToString() : null;
            if (!HeaderNames.IsGrpc(contentType))
                return CallOutcome.Of(StatusCode.Unknown, $"The server answered with the content type '{contentType}' instead of application/grpc.");
        }
        return response.Headers.NonValidated.TryGetValues(HeaderNames.Encoding, out var encoding) && encoding.ToString() is not ("identity" or "") and var name
            ? CallOutcome.Of(StatusCode.Internal, $"The server uses the encoding '{name}', which was not offered.")
            : null;
    }

    /// <summary>
    /// At the end of the body: the status stands in the trailers. In the headers it counts only when they were all that came.
    /// </summary>
    public static CallOutcome ReadOutcome(HttpResponseMessage response, bool hasMessages)
    {
        var trailers = response.TrailingHeaders;
        var source = hasMessages || trailers.NonValidated.Contains(HeaderNames.Status) ? trailers : response.Headers;
        if (!source.NonValidated.TryGetValues(HeaderNames.Status, out var text))
            return new CallOutcome(new Status(StatusCode.Unknown, "The server ended the call without a status."), Metadata(trailers));
        var detail = source.NonValidated.TryGetValues(HeaderNames.Message, out var message) ? PercentCoding.Decode(message.ToString()) : "";
        return new CallOutcome(new Status(HeaderNames.ParseStatus(text.ToString()), detail), Metadata(source));
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
}
