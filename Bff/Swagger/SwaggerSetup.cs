using Microsoft.OpenApi;

namespace FeedMall.Bff.Swagger;

/// <summary>The description of the routes at /swagger/v1/swagger.json and the page over it at /swagger; everything comes from this process.</summary>
internal static class SwaggerSetup
{
    private const string Description =
        """
        Half a social feed, half a shopping mall. Every answer is an envelope: `code` 0 and `data`, or the HTTP status with a `reason` for
        programs and a `message` for people. Ids are texts, because they have more digits than a JavaScript number can hold. HEAD is answered where
        GET is, without the body.

        To try the routes that need a token: run *Log in* below (its example is a user of the demo data), copy `data.token`, press *Authorize*.
        """;

    public static void AddSwagger(this IServiceCollection services)
    {
        services.AddEndpointsApiExplorer();
        services.AddSwaggerGen(options =>
        {
            options.SwaggerDoc("v1", new OpenApiInfo { Title = "FeedMall", Version = "v1", Description = Description });
            options.AddSecurityDefinition(DescribeOperation.Bearer, new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                Description = "The token of POST /v1/auth/login.",
            });
            options.OperationFilter<DescribeOperation>();
            options.MapType<Requests.Id>(() => new OpenApiSchema { Type = JsonSchemaType.String });
            options.IncludeXmlComments(typeof(SwaggerSetup).Assembly);
            options.SupportNonNullableReferenceTypes();
        });
    }

    public static void MapSwaggerPages(this WebApplication app)
    {
        app.UseSwagger();
        app.UseSwaggerUI(options =>
        {
            options.SwaggerEndpoint("/swagger/v1/swagger.json", "FeedMall v1");
            options.DocumentTitle = "FeedMall API";
            options.DisplayOperationId();
        });
    }
}
