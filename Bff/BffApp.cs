using FeedMall.Bff.Answers;
using FeedMall.Bff.Auth;
using FeedMall.Bff.Feed;
using FeedMall.Bff.Mall;
using FeedMall.Bff.Pages;
using FeedMall.Bff.Protection;
using FeedMall.Bff.Swagger;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.KeyValue;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff;

/// <summary>The REST edge.</summary>
public static class BffApp
{
    /// <summary>A service ready to start.</summary>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("Bff", HttpProtocols.Http1AndHttp2, args);
        builder.Services.AddSingleton<IValidateOptions<BffOptions>, BffOptionsValidator>();
        builder.Services.AddOptions<BffOptions>().BindConfiguration(BffOptions.Section).ValidateOnStart();
        builder.Services.AddOptions<KestrelServerOptions>().Configure<IOptions<BffOptions>>(
            (kestrel, options) => kestrel.Limits.MaxRequestBodySize = options.Value.MaxBodyBytes);
        builder.Services.ConfigureHttpJsonOptions(options => Json.Configure(options.SerializerOptions));
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        builder.AddKeyValueStore("Bff");
        builder.Services.AddProtection();
        builder.Services.AddDomainClients();
        builder.Services.AddHostedService<WarmUp>();
        Tokens.Add(builder);
        builder.Services.AddSwagger();

        var app = builder.Build();
        app.UseBffPipeline();
        app.MapStartPage();
        app.MapHealth();
        app.MapAuth();
        app.MapPosts();
        app.MapLikes();
        app.MapShops();
        app.MapProducts();
        app.MapCollections();
        app.MapPages();
        app.MapSwaggerPages();
        // From here on the routes can be looked up: settings name them, and are checked at the start.
        app.UseEndpoints(_ => { });
        return app;
    }
}
