using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using System.Buffers;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Net.Http.Headers;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Reads the body of a route that takes one: whole, in time, in UTF-8. What comes after it finds a body that cannot stall, break off or
/// hold bytes that are no text. The server bounds its size (Bff:MaxBodyBytes), so it fits into memory.
/// </summary>
internal sealed class BodyEdge(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<IAcceptsMetadata>() is not null)
        {
            RequireUtf8(context.Request);
            var body = await ReadAsync(context);
            if (!Utf8.IsValid(body)) throw new BadHttpRequestException("The body is not UTF-8.");
            context.Request.Body = new MemoryStream(body, writable: false);
        }
        await next(context);
    }

    // JSON is UTF-8 (RFC 8259 §8.1). The framework takes an unknown charset, or one in quotes, for a defect of ours.
    private static void RequireUtf8(HttpRequest request)
    {
        if (request.Headers.ContentEncoding is { Count: > 0 }) throw NotReadable();
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.Charset.HasValue) return;
        if (!HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            throw NotReadable();
        request.ContentType = type.MediaType.Value;
    }

    private static BadHttpRequestException NotReadable() => new("The body is not plain UTF-8.", StatusCodes.Status415UnsupportedMediaType);

    private static async Task<byte[]> ReadAsync(HttpContext context)
    {
        context.RequestAborted.ThrowIfCancellationRequested();
        var reader = context.Request.BodyReader;
        var body = new ArrayBufferWriter<byte>();
        // Ends the read from inside: a token given to it would leave the server with a read that never ends.
        using var end = context.RequestAborted.Register(static reader => GiveUp((PipeReader)reader!), reader);
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(CancellationToken.None);
                foreach (var part in read.Buffer) body.Write(part.Span);
                // All of it, at once: the server cannot clear away a request that breaks off with bytes left behind.
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) return body.WrittenSpan.ToArray();
                if (read.IsCanceled) throw new BadHttpRequestException("The body came too slowly.", StatusCodes.Status408RequestTimeout);
            }
        }
        catch (IOException error) when (error is not BadHttpRequestException)
        {
            // The connection broke: no defect of ours. The server may not know yet, and would log an error when it looks for the rest.
            context.Abort();
            throw new BadHttpRequestException("The body broke off.", error);
        }
    }

    private static void GiveUp(PipeReader reader)
    {
        try
        {
            reader.CancelPendingRead();
        }
        catch (ConnectionAbortedException)
        {
            // The caller is gone already: what waits for the body has ended by itself.
        }
    }
}
