using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Net.Http.Headers;

namespace FeedMall.Bff.Answers;

/// <summary>200 with data.</summary>
internal sealed class Success<T>(T data) : IResult, IEndpointMetadataProvider
{
    public Task ExecuteAsync(HttpContext httpContext) => Json.WriteAsync(httpContext, StatusCodes.Status200OK, Envelope<T>.Of(data));

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) => builder.Metadata.Add(Produces.Data<T>(StatusCodes.Status200OK));
}

/// <summary>201 with data and the address of what is new.</summary>
internal sealed class Created<T>(string? location, T data) : IResult, IEndpointMetadataProvider
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        if (location is not null) httpContext.Response.Headers.Location = location;
        return Json.WriteAsync(httpContext, StatusCodes.Status201Created, Envelope<T>.Of(data));
    }

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) => builder.Metadata.Add(Produces.Data<T>(StatusCodes.Status201Created));
}

/// <summary>200 with data and its ETag, or 304 when the caller has that version already.</summary>
/// <param name="etag">Changes whenever the data does; null: it is made of the data.</param>
internal sealed class Tagged<T>(string? etag, T data) : IResult, IEndpointMetadataProvider
{
    public Tagged(T data) : this(null, data) { }

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var body = etag is null ? Json.Write(httpContext, Envelope<T>.Of(data)) : null;
        var tag = new EntityTagHeaderValue($"\"{etag ?? Convert.ToHexStringLower(SHA256.HashData(body!).AsSpan(0, 8))}\"", isWeak: true);
        httpContext.Response.Headers.ETag = tag.ToString();
        if (!Matches(httpContext.Request.GetTypedHeaders().IfNoneMatch, tag))
            return body is null ? Json.WriteAsync(httpContext, StatusCodes.Status200OK, Envelope<T>.Of(data)) : Json.WriteAsync(httpContext, body);
        httpContext.Response.StatusCode = StatusCodes.Status304NotModified;
        return Task.CompletedTask;
    }

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder)
    {
        builder.Metadata.Add(Produces.Data<T>(StatusCodes.Status200OK));
        builder.Metadata.Add(new ProducesResponseTypeMetadata(StatusCodes.Status304NotModified, typeof(void)));
    }

    private static bool Matches(IList<EntityTagHeaderValue> wanted, EntityTagHeaderValue tag) =>
        wanted.Any(candidate => candidate.Equals(EntityTagHeaderValue.Any) || candidate.Compare(tag, useStrongComparison: false));
}

/// <summary>What Swagger is told of answers.</summary>
internal static class Produces
{
    private static readonly string[] JsonOnly = ["application/json"];

    public static ProducesResponseTypeMetadata Data<T>(int status) => new(status, typeof(Envelope<T>), JsonOnly);

    /// <summary>Documents the ways in which a route can fail.</summary>
    public static TBuilder CanFail<TBuilder>(this TBuilder builder, params int[] statuses) where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata([.. statuses.Select(status => new ProducesResponseTypeMetadata(status, typeof(Failure), JsonOnly))]);
}
