using FeedMall.Bff.Degradation;
using FeedMall.Bff.Protection;
using FeedMall.Bff.Requests;
using Microsoft.AspNetCore.Authorization;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace FeedMall.Bff.Swagger;

/// <summary>Adds to each operation what the code cannot say by its types: examples, what its parameters mean, whether it needs a token.</summary>
internal sealed class DescribeOperation : IOperationFilter
{
    public const string Bearer = "bearer";
    private const string IdPattern = "^[1-9][0-9]{0,18}$";

    private readonly Examples _examples = new();

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        foreach (var parameter in (operation.Parameters ?? []).OfType<OpenApiParameter>()) Describe(parameter);
        var id = operation.OperationId ?? "";
        // Optional to the binder only, so that its absence gets our answer.
        if (id == nameof(Mall.CollectionEndpoints.ListCollectionCards))
            foreach (var ids in (operation.Parameters ?? []).OfType<OpenApiParameter>()) ids.Required = true;
        foreach (var body in (operation.RequestBody?.Content?.Values ?? []).OfType<OpenApiMediaType>()) body.Example = _examples.Request(id);
        foreach (var (status, response) in operation.Responses ?? [])
        {
            foreach (var body in (response.Content?.Values ?? []).OfType<OpenApiMediaType>())
                body.Example = status[0] == '2' ? _examples.Success(id) : _examples.Failure(status);
        }
        ProtectionHeaders.Describe(operation, context);
        var metadata = context.ApiDescription.ActionDescriptor.EndpointMetadata;
        if (metadata.OfType<RoutePolicy>().Any()) operation.Description = $"{operation.Description} {FallbackRules.Describe(metadata)}";
        if (metadata.OfType<IAuthorizeData>().Any())
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, context.Document)] = [] }];
    }

    private static void Describe(OpenApiParameter parameter)
    {
        parameter.Name = BodyValidation.CamelCase(parameter.Name ?? "");
        (parameter.Description, parameter.Schema) = parameter.Name switch
        {
            "id" or "uid" => ($"A positive 64-bit number in decimal digits{(parameter.Name == "uid" ? ": only this user's" : "")}.", Text(IdPattern)),
            "ids" => ("Up to 100 ids, parted by commas.", Text("^[1-9][0-9]{0,18}(,[1-9][0-9]{0,18}){0,99}$")),
            "limit" => ("How many items at most.", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "100", Default = 20 }),
            "cursor" => ("The nextCursor of the page before; absent for the first page.", Text(null)),
            "sort" => ("The order. Only posts can be sorted by hot.", OneOf("newest", "hot")),
            "type" => ("Only posts of this type.", OneOf("text", "image", "video")),
            _ => (parameter.Description, parameter.Schema),
        };
    }

    private static OpenApiSchema Text(string? pattern) => new() { Type = JsonSchemaType.String, Pattern = pattern };

    private static OpenApiSchema OneOf(params string[] values) =>
        new() { Type = JsonSchemaType.String, Enum = [.. values.Select(value => (System.Text.Json.Nodes.JsonNode)value)] };
}
