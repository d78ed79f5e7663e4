using FeedMall.Domain.Mall.Collections;
using FeedMall.Domain.Mall.Products;
using FeedMall.Domain.Mall.Shops;
using FeedMall.Rpc.Server;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Database;
using FeedMall.ServiceDefaults.KeyValue;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace FeedMall.Domain.Mall;

/// <summary>The mall domain service: shops, products, collections.</summary>
public static class MallApp
{
    /// <summary>A service ready to start.</summary>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("Mall", HttpProtocols.Http2, args);
        builder.AddServiceDatabase("Mall", typeof(MallApp).Assembly, "shops", "products", "collections", "skus");
        builder.AddKeyValueStore("Mall");
        builder.Services.AddGrpc(options => options.SendServerTiming = true);
        builder.Services.AddSingleton<ShopStore>();
        builder.Services.AddSingleton<ProductStore>();
        builder.Services.AddSingleton<ProductCache>();
        builder.Services.AddSingleton<CollectionStore>();

        var app = builder.Build();
        app.MapGrpcService<ShopsService>();
        app.MapGrpcService<ProductsService>();
        app.MapGrpcService<CollectionsService>();
        app.MapGrpcReflection();
        return app;
    }
}
