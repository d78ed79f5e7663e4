using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FeedMall.Bff.Edge;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Answers;

/// <summary>How this service reads and writes JSON.</summary>
internal static class Json
{
    public const string ContentType = "application/json; charset=utf-8";

    private const int MaxDepth = 16;

    /// <summary>How failures are written.</summary>
    public static readonly JsonTypeInfo<Failure> OfFailures = (JsonTypeInfo<Failure>)Configured().GetTypeInfo(typeof(Failure));

    /// <summary>The settings of requests and answers alike: camelCase, absent instead of null, bounded depth, no property twice.</summary>
    public static void Configure(JsonSerializerOptions options)
    {
        options.TypeInfoResolverChain.Insert(0, BffJson.Default);
        options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.MaxDepth = MaxDepth;
        options.AllowDuplicateProperties = false;
        // Answers are never put into HTML, so other scripts need no escapes.
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    }

    private static JsonSerializerOptions Configured()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Configure(options);
        return options;
    }

    public static Task WriteAsync<T>(HttpContext context, int status, T body)
    {
        // Too late: nothing goes out, as half an answer could not be taken back. From here on the answer goes out whole.
        context.RequestAborted.ThrowIfCancellationRequested();
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(body, context.Features.Get<RequestContext>()?.CallerGone ?? context.RequestAborted);
    }

    /// <summary>The bytes of a body, for who must know them before they go out.</summary>
    public static byte[] Write<T>(HttpContext context, T body)
    {
        var options = context.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
        return JsonSerializer.SerializeToUtf8Bytes(body, (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T)));
    }

    /// <summary>200 with these bytes.</summary>
    public static async Task WriteAsync(HttpContext context, byte[] body)
    {
        context.RequestAborted.ThrowIfCancellationRequested();
        (context.Response.StatusCode, context.Response.ContentType, context.Response.ContentLength) = (StatusCodes.Status200OK, "application/json; charset=utf-8", body.Length);
        await context.Response.Body.WriteAsync(body, context.Features.Get<RequestContext>()?.CallerGone ?? context.RequestAborted);
    }
}
