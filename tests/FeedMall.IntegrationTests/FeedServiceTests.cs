using System.Globalization;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.IntegrationTests;

/// <summary>Domain.Feed as another service calls it: what the edge checks is checked here again, because not everybody comes through the edge.</summary>
public sealed class FeedServiceTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Refusals_carry_their_reason_and_name_the_fields()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        await using var clients = Connect(host.FeedAddress);
        var posts = clients.GetRequiredService<Posts.PostsClient>();
        var users = clients.GetRequiredService<Users.UsersClient>();
        var ada = As((await users.RegisterAsync(new RegisterRequest { Name = "ada", Password = "12345678" }, cancellationToken: cancel)).User.Id, cancel);
        var ben = As((await users.RegisterAsync(new RegisterRequest { Name = "ben", Password = "12345678" }, cancellationToken: cancel)).User.Id, cancel);
        var post = (await posts.CreatePostAsync(new CreatePostRequest { Title = "a" }, ada)).Post.Id;
        UpdatePostRequest Update(string path) => new() { Id = post, Changes = new PostChanges { Title = "b" }, UpdateMask = new FieldMask { Paths = { path } } };

        await RefusedAsync(StatusCode.Unauthenticated, "UNAUTHENTICATED", null, () => posts.CreatePostAsync(new CreatePostRequest { Title = "a" }, cancellationToken: cancel));
        await RefusedAsync(StatusCode.NotFound, "FEED_USER_NOT_FOUND", null, () => posts.CreatePostAsync(new CreatePostRequest { Title = "a" }, As(7, cancel)));
        await RefusedAsync(StatusCode.InvalidArgument, "VALIDATION_FAILED", "title", () => posts.CreatePostAsync(new CreatePostRequest(), ada));
        await RefusedAsync(StatusCode.InvalidArgument, "VALIDATION_FAILED", "title", () => posts.CreatePostAsync(new CreatePostRequest { Title = "a\0b" }, ada));
        await RefusedAsync(StatusCode.InvalidArgument, "VALIDATION_FAILED", "cover.url", () =>
            posts.CreatePostAsync(new CreatePostRequest { Title = "a", Cover = new Image { Url = "ftp://a" } }, ada));
        await RefusedAsync(StatusCode.InvalidArgument, "VALIDATION_FAILED", "video", () =>
            posts.CreatePostAsync(new CreatePostRequest { Title = "a", Type = PostType.Video }, ada));
        await RefusedAsync(StatusCode.InvalidArgument, "VALIDATION_FAILED", "type", () =>
            posts.CreatePostAsync(new CreatePostRequest { Title = "a", Type = (PostType)99 }, ada));
        await RefusedAsync(StatusCode.PermissionDenied, "FEED_POST_NOT_OWNER", null, () => posts.UpdatePostAsync(Update("title"), ben));
        await RefusedAsync(StatusCode.InvalidArgument, "VALIDATION_FAILED", "updateMask", () => posts.UpdatePostAsync(Update("uid"), ada));
        await RefusedAsync(StatusCode.PermissionDenied, "FEED_POST_NOT_OWNER", null, () => posts.DeletePostAsync(new DeletePostRequest { Id = post }, ben));
        await RefusedAsync(StatusCode.NotFound, "FEED_POST_NOT_FOUND", null, () => posts.GetPostAsync(new GetPostRequest { Id = -1 }, ada));
        await RefusedAsync(StatusCode.InvalidArgument, "VALIDATION_FAILED", "limit", () =>
            posts.ListPostsAsync(new ListPostsRequest { Page = new Page { Limit = 101 } }, ada));
        await RefusedAsync(StatusCode.InvalidArgument, "VALIDATION_FAILED", "cursor", () =>
            posts.ListPostsAsync(new ListPostsRequest { Page = new Page { Sort = Sort.Hot, Cursor = new Cursor { Sort = Sort.Newest, Id = 1 } } }, ada));
        await RefusedAsync(StatusCode.AlreadyExists, "FEED_USER_NAME_TAKEN", null, () =>
            users.RegisterAsync(new RegisterRequest { Name = "ADA", Password = "12345678" }, cancellationToken: cancel));
        await RefusedAsync(StatusCode.Unauthenticated, "FEED_BAD_CREDENTIALS", null, () =>
            users.LogInAsync(new LogInRequest { Name = "nobody", Password = "12345678" }, cancellationToken: cancel));
        Assert.Equal("b", (await posts.UpdatePostAsync(Update("title"), ada)).Post.Title);
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task All_posts_stream_newest_first_over_many_pages_and_a_limit_ends_the_stream()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        await using var clients = Connect(host.FeedAddress);
        var posts = clients.GetRequiredService<Posts.PostsClient>();
        var ada = As((await clients.GetRequiredService<Users.UsersClient>().RegisterAsync(
            new RegisterRequest { Name = "ada", Password = "12345678" }, cancellationToken: cancel)).User.Id, cancel);
        var ids = new List<long>();
        for (var i = 0; i < 250; i++) ids.Add((await posts.CreatePostAsync(new CreatePostRequest { Title = "a" }, ada)).Post.Id);
        ids.Reverse();

        Assert.Equal(ids, await ReadAsync(new StreamPostsRequest()));
        Assert.Equal(ids.Take(100), await ReadAsync(new StreamPostsRequest { Limit = 100 }));
        Assert.Equal(ids.Take(101), await ReadAsync(new StreamPostsRequest { Limit = 101 }));
        Assert.Empty(await ReadAsync(new StreamPostsRequest { Type = PostType.Video }));
        host.Logs.AssertNoErrors();

        async Task<List<long>> ReadAsync(StreamPostsRequest request)
        {
            using var call = posts.StreamPosts(request, cancellationToken: cancel);
            var read = new List<long>();
            await foreach (var response in call.ResponseStream.ReadAllAsync(cancel)) read.Add(response.Post.Id);
            return read;
        }
    }

    private static async Task RefusedAsync<T>(StatusCode code, string reason, string? field, Func<AsyncUnaryCall<T>> call)
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call());
        Assert.Equal(code, error.StatusCode);
        var info = error.FindErrorInfo()!;
        Assert.Equal(reason, info.Reason);
        if (field is not null) Assert.Contains(field, info.Metadata.Keys);
    }

    private static CallOptions As(long uid, CancellationToken cancel) =>
        new(new Metadata { { Caller.UidKey, uid.ToString(CultureInfo.InvariantCulture) } }, cancellationToken: cancel);

    private static ServiceProvider Connect(Uri address)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddGrpcClient<Posts.PostsClient>((_, options) => (options.Addresses, options.DefaultTimeout, options.ConnectTimeout) = ([address], s_patience, s_patience));
        services.AddGrpcClient<Users.UsersClient>((_, options) => (options.Addresses, options.DefaultTimeout, options.ConnectTimeout) = ([address], s_patience, s_patience));
        return services.BuildServiceProvider();
    }
}
