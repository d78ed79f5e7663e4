using System.Text.Json;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Requests;

/// <summary>A change of some fields: only those that stand in the body are meant, a null clears (JSON merge patch, RFC 7396).</summary>
/// <param name="Value">The new values.</param>
/// <param name="Fields">The names that stand in the body.</param>
internal sealed record Patch<T>(T Value, IReadOnlyList<string> Fields) where T : class
{
    private const int MaxNameLength = 64;

    public static async ValueTask<Patch<T>?> BindAsync(HttpContext context)
    {
        if (!context.Request.HasJsonContentType())
            throw new BadHttpRequestException("The body must be JSON.", StatusCodes.Status415UnsupportedMediaType);
        var options = context.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
        var body = await JsonSerializer.DeserializeAsync<JsonElement>(context.Request.Body, options, context.RequestAborted);
        if (body.ValueKind != JsonValueKind.Object) throw new BadHttpRequestException("The body must be a JSON object.");
        var fields = body.EnumerateObject().Select(field => field.Name).ToList();
        // The domain service repeats a name that it refuses, in a header, which has room for less than a body.
        if (fields.Any(name => name.Length > MaxNameLength)) throw new BadHttpRequestException("No field has such a long name.");
        return new Patch<T>(body.Deserialize<T>(options)!, fields);
    }
}
