using System.Text.Json.Nodes;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace FeedMall.Bff.Swagger;

/// <summary>The headers by which protections are asked and explain themselves: described once, and named at each operation that has them.</summary>
internal static class ProtectionHeaders
{
    private sealed record Text(string Meaning, JsonNode Example, string? Pattern = null);

    private static readonly string[] s_always = ["RateLimit-Policy", "RateLimit", Decisions.Header];
    private static readonly string[] s_cached = ["Age", Fallbacks.Header];

    public static void Describe(OpenApiOperation operation, OperationFilterContext context)
    {
        var metadata = context.ApiDescription.ActionDescriptor.EndpointMetadata;
        if (!metadata.OfType<RoutePolicy>().Any()) return;
        AddComponents(context.Document);
        foreach (var name in Asked().Keys) (operation.Parameters ??= []).Add(new OpenApiParameterReference(name, context.Document));
        var isCached = metadata.OfType<CacheRule>().Any();
        var hasTag = operation.Responses?.ContainsKey("304") == true;
        foreach (var (status, response) in operation.Responses ?? [])
        {
            if (response is not OpenApiResponse own) continue;
            string[] isGood = status is "200" or "304" ? [.. isCached ? s_cached : [], .. hasTag ? ["ETag"] : (string[])[]] : [];
            string[] isLookedFor = isCached ? ["Cache-Status"] : [];
            string[] isRefused = status is "429" or "503" ? ["Retry-After"] : [];
            own.Headers ??= new Dictionary<string, IOpenApiHeader>();
            foreach (var name in (string[])[.. s_always, .. isLookedFor, .. isGood, .. isRefused]) own.Headers[name] = new OpenApiHeaderReference(name, context.Document);
        }
    }

    private static void AddComponents(OpenApiDocument document)
    {
        var components = document.Components ??= new OpenApiComponents();
        components.Headers ??= new Dictionary<string, IOpenApiHeader>();
        components.Parameters ??= new Dictionary<string, IOpenApiParameter>();
        foreach (var (name, text) in Told()) components.Headers.TryAdd(name, new OpenApiHeader { Description = text.Meaning, Schema = SchemaOf(text), Example = text.Example });
        foreach (var (name, text) in Asked())
            components.Parameters.TryAdd(name, new OpenApiParameter { Name = name, In = ParameterLocation.Header, Description = text.Meaning, Schema = SchemaOf(text), Example = text.Example });
    }

    private static OpenApiSchema SchemaOf(Text text) =>
        new() { Type = text.Example.GetValueKind() == System.Text.Json.JsonValueKind.Number ? JsonSchemaType.Integer : JsonSchemaType.String, Pattern = text.Pattern };

    // Made anew each time: a node of JSON has one parent.
    private static Dictionary<string, Text> Asked() => new()
    {
        [ContextEdge.TimeoutHeader] = new("Milliseconds that the caller waits for the answer; more than the route gives is cut.", 800),
        [ContextEdge.CriticalityHeader] = new(
            "How much it hurts when this request is refused. Everybody may ask for less than the route has; for more only trusted proxies.", "sheddable", "^(critical_plus|critical|sheddable_plus|sheddable)$"),
        [ContextEdge.AppHeader] = new("The application that calls: the quota can be divided among applications.", "web", "^[A-Za-z0-9._-]{1,32}$"),
    };

    private static Dictionary<string, Text> Told() => new()
    {
        ["RateLimit-Policy"] = new("How often one may come: q at once, which come back within w seconds; each client, and as its part of the quota each application. A limit that is not there is left out.",
            "\"client\";q=1000;w=2, \"quota\";q=50000;w=1"),
        ["RateLimit"] = new("What is left of it on this copy of the service: r at once, and one more in t seconds.", "\"client\";r=999;t=0, \"quota\";r=2500;t=0"),
        [Decisions.Header] = new(
            "What protections did to this request: mechanism, reason and effect of each. Absent when they did nothing. docs/TELEMETRY.md has the list.",
            "retry; reason=UPSTREAM_ERROR; effect=retried"),
        ["Retry-After"] = new("Seconds after which it makes sense to come again; spread, so that not all come back together. Absent where nobody knows.", 2),
        ["Cache-Status"] = new("Whether the answer was kept (RFC 9211): hit with the seconds that it stays fresh, negative when it is an old one; or fwd=miss.", "FeedMall; hit; ttl=27"),
        ["Age"] = new("Seconds since the answer was made. Absent when it was made for this request.", 3),
        [Fallbacks.Header] = new("The answer is an old one, another one or lacks a part, because it could not be made as usual: the route, and why.", "GetPost; reason=UPSTREAM_ERROR"),
        ["ETag"] = new("The version of the answer. Send it back as If-None-Match to get 304 while it is the same.", "W/\"8c5f1d\""),
    };
}
