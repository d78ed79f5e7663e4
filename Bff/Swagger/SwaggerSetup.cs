namespace FeedMall.Bff.Swagger;

/// <summary>The description of the routes at /swagger/v1/swagger.json and the page over it at /swagger; everything comes from this process.</summary>
internal static class SwaggerSetup
{
    public static void AddSwagger(this IServiceCollection services)
    {
        services.AddEndpointsApiExplorer();
        services.AddSwaggerGen(options =>
        {
            options.SwaggerDoc("v1", new() { Title = "FeedMall", Version = "v1" });
        });
    }

    public static void MapSwaggerPages(this WebApplication app)
    {
        app.UseSwagger();
        app.UseSwaggerUI(options => options.SwaggerEndpoint("/swagger/v1/swagger.json", "FeedMall v1"));
    }
}
