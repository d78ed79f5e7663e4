using FeedMall.Domain.Feed.Likes;
using FeedMall.Domain.Feed.Posts;
using FeedMall.Domain.Feed.Users;
using FeedMall.Rpc.Server;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Database;
using FeedMall.ServiceDefaults.KeyValue;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace FeedMall.Domain.Feed;

/// <summary>The feed domain service: users, posts, likes.</summary>
public static class FeedApp
{
    /// <summary>A service ready to start.</summary>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("Feed", HttpProtocols.Http2, args);
        builder.AddServiceDatabase("Feed", typeof(FeedApp).Assembly, "users", "posts");
        builder.AddKeyValueStore("Feed");
        builder.Services.AddGrpc(options => options.SendServerTiming = true);
        builder.Services.AddSingleton<IPasswordHasher<UserRow>, PasswordHasher<UserRow>>();
        builder.Services.AddSingleton<UserPasswords>();
        builder.Services.AddSingleton<UserStore>();
        builder.Services.AddSingleton<PostStore>();
        builder.Services.AddSingleton<PostCache>();
        builder.Services.AddSingleton<LikeStore>();

        var app = builder.Build();
        app.MapGrpcService<UsersService>();
        app.MapGrpcService<PostsService>();
        app.MapGrpcService<LikesService>();
        app.MapGrpcReflection();
        return app;
    }
}
