using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc.Errors;
using Grpc.Core;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>What is answered when a route cannot: when, what, and how it says so.</summary>
public sealed class DegradeTests
{
    private const string Post = "/v1/feed/posts/1";
    private const string Posts = "/v1/feed/posts";
    private const string Home = "/v1/pages/home";
    private const string WithCache = "--Protection:Cache:Enabled=true";
    // Answers are old at once, so that each request makes a new one as long as that can be made.
    private static readonly string[] s_shortLived =
    [
        WithCache, "--Protection:Cache:StaleWhileRevalidate=00:00:00", "--Protection:Cache:HotTime=00:00:00.010",
        "--Protection:Routes:GetPost:CacheTime=00:00:00.100", "--Protection:Routes:GetHome:CacheTime=00:00:00.100", "--Protection:Routes:GetCollection:CacheTime=00:00:00.100",
    ];

    [Fact]
    public async Task A_forced_route_gives_its_last_good_answer_without_a_call_and_one_that_has_none_says_503()
    {
        await using var bff = await ProtectedBff.StartAsync(WithCache);
        var calls = bff.CountPosts();
        var good = await bff.GetAsync(Post);
        Assert.Equal((200, null, null), (good.Status, good.Degraded, good.Degrading));

        await bff.SetAsync("""{"Routes":{"GetPost":{"Degrade":"forced"}}}""");
        var copy = await bff.GetAsync(Post);
        Assert.Equal((200, "GetPost; reason=DEGRADED", "degrade; reason=DEGRADED; effect=stale"), (copy.Status, copy.Degraded, copy.Degrading));
        Assert.Equal(good.Body!.ToJsonString(), copy.Body!.ToJsonString());
        Assert.Equal(304, await bff.StatusAsync(HttpMethod.Get, Post, ("If-None-Match", good.Headers["ETag"])));
        Assert.Contains("Age", copy.Headers.Keys);
        var none = await bff.GetAsync("/v1/feed/posts/2");
        Assert.Equal((503, "DEGRADED", "degrade; reason=DEGRADED; effect=refused", null), (none.Status, none.Reason, none.Degrading, none.Degraded));
        Assert.InRange(none.RetryAfter!.Value.TotalSeconds, 1, 3);
        Assert.Equal(1, calls());
        Assert.Equal((2, 1), (await bff.DecisionsAsync("degrade", "GetPost", "DEGRADED", "stale"), await bff.DecisionsAsync("degrade", "GetPost", "DEGRADED", "refused")));
        var shown = (await bff.ProtectionAsync())["mechanisms"]!["degrade"]!["routes"]!["GetPost"]!["switch"]!;
        Assert.Equal(("Forced", 2), ((string?)shown["state"], (long)shown["acted"]!));
        Assert.NotNull((string?)shown["actingSince"]);

        await bff.SetAsync("""{"Routes":{"GetPost":{"Degrade":"auto"}}}""");
        Assert.Equal((200, null), ((await bff.GetAsync("/v1/feed/posts/2")).Status, (await bff.GetAsync("/v1/feed/posts/2")).Degraded));
        Assert.Null((string?)(await bff.ProtectionAsync())["mechanisms"]!["degrade"]!["routes"]!["GetPost"]!["switch"]!["actingSince"]);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task In_dry_run_a_forced_route_is_answered_as_usual_and_says_what_would_have_been()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Degrade:DryRun=true", "--Protection:Routes:GetPost:Degrade=forced", "--Protection:Degrade:Mall=forced");
        var answer = await bff.GetAsync(Post);
        Assert.Equal((200, null, "degrade; reason=DEGRADED; effect=dry_run"), (answer.Status, answer.Degraded, answer.Degrading));
        Assert.Equal(1, await bff.DecisionsAsync("degrade", "GetPost", "DEGRADED", "dry_run"));
        Assert.Equal(200, (await bff.GetAsync("/v1/mall/products/1")).Status);
        var mall = (await bff.ProtectionAsync())["mechanisms"]!["degrade"]!["dependencies"]!["mall"]!;
        Assert.Equal((0, 1), ((long)mall["acted"]!, (long)mall["wouldHaveActed"]!));
    }

    [Fact]
    public async Task In_dry_run_a_failure_goes_out_although_there_is_a_copy()
    {
        await using var bff = await ProtectedBff.StartAsync([.. s_shortLived, "--Protection:Degrade:DryRun=true"]);
        await bff.GetAsync(Post);
        bff.GetPost = (_, _) => throw ProtectedBff.Broken();
        var answer = await bff.UntilAsync(Post, answer => answer.Status != 200);
        Assert.Equal((503, "UPSTREAM_ERROR", "degrade; reason=UPSTREAM_ERROR; effect=dry_run", null), (answer.Status, answer.Reason, answer.Degrading, answer.Degraded));
    }

    [Fact]
    public async Task A_route_that_is_off_lets_its_failures_out_as_they_are()
    {
        await using var bff = await ProtectedBff.StartAsync(s_shortLived);
        await bff.GetAsync(Post);
        bff.GetPost = (_, _) => throw ProtectedBff.Broken();
        await bff.UntilAsync(Post, answer => answer.Degraded == "GetPost; reason=UPSTREAM_ERROR");
        await bff.SetAsync("""{"Routes":{"GetPost":{"Degrade":"off"}}}""");
        var failed = await bff.GetAsync(Post);
        Assert.Equal((503, "UPSTREAM_ERROR", null), (failed.Status, failed.Reason, failed.Degraded));
        // The same for all that a service fails at.
        await bff.SetAsync("""{"Routes":{"GetPost":{"Degrade":"auto"}},"Degrade":{"Feed":"off"}}""");
        Assert.Equal(503, (await bff.GetAsync(Post)).Status);
        await bff.SetAsync("""{"Degrade":{"Feed":"auto"}}""");
        Assert.Equal(200, (await bff.GetAsync(Post)).Status);
    }

    [Fact]
    public async Task A_forced_service_is_not_called_and_its_routes_answer_what_they_have()
    {
        await using var bff = await ProtectedBff.StartAsync(s_shortLived);
        var calls = bff.CountPosts();
        await bff.GetAsync(Post);
        await bff.SetAsync("""{"Degrade":{"Feed":"forced"}}""");
        var copy = await bff.UntilAsync(Post, answer => answer.Degraded is not null);
        Assert.Equal((200, "GetPost; reason=DEGRADED", "degrade; reason=DEGRADED; effect=stale"), (copy.Status, copy.Degraded, copy.Degrading));
        var none = await bff.GetAsync("/v1/feed/posts/2");
        Assert.Equal((503, "DEGRADED", "degrade; reason=DEGRADED; effect=refused"), (none.Status, none.Reason, none.Degrading));
        Assert.InRange(none.RetryAfter!.Value.TotalSeconds, 1, 3);
        Assert.Equal(1, calls());
        // A service that is well, and the question how things are, are not touched.
        Assert.Equal(200, (await bff.GetAsync("/v1/mall/products/1")).Status);
        Assert.Equal(200, (await bff.GetAsync("/readyz")).Status);
        Assert.True((long)(await bff.ProtectionAsync())["mechanisms"]!["degrade"]!["dependencies"]!["feed"]!["acted"]! >= 2);
        await bff.SetAsync("""{"Degrade":{"Feed":"auto"}}""");
        Assert.Equal((200, 2), ((await bff.GetAsync("/v1/feed/posts/2")).Status, calls()));
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_list_of_posts_falls_back_on_the_popular_posts_and_before_there_are_any_on_503()
    {
        await using (var cold = await ProtectedBff.StartAsync("--Protection:Degrade:Feed=forced"))
        {
            var none = await cold.GetAsync(Posts);
            Assert.Equal((503, "DEGRADED"), (none.Status, none.Reason));
        }

        await using var warm = await WarmAsync();
        warm.ListPosts = (_, _) => throw ProtectedBff.Broken();
        var popular = await warm.GetAsync(Posts + "?limit=2");
        Assert.Equal((200, "ListPosts; reason=UPSTREAM_ERROR", "degrade; reason=UPSTREAM_ERROR; effect=default"), (popular.Status, popular.Degraded, popular.Degrading));
        Assert.Equal(["7", "8"], popular.Body!["data"]!["items"]!.AsArray().Select(item => (string?)item!["id"]));
        Assert.Equal("items", (string?)Assert.Single(popular.Body["data"]!["degraded"]!.AsArray()));
        Assert.InRange(long.Parse(popular.Headers["Age"], System.Globalization.CultureInfo.InvariantCulture), 0, 60);
        Assert.Equal(1, await warm.DecisionsAsync("degrade", "ListPosts", "UPSTREAM_ERROR", "default"));
        Assert.Equal("9", (string?)Assert.Single((await warm.GetAsync("/v1/feed/videos")).Body!["data"]!["items"]!.AsArray())!["id"]);
        // What they cannot stand in for, and what is no fault of a service, goes out as it is.
        foreach (var other in new[] { "?uid=5", "?cursor=CAE", "?type=image" }) Assert.Equal(503, (await warm.GetAsync(Posts + other)).Status);
        Assert.Equal(400, (await warm.GetAsync(Posts + "?limit=0")).Status);
        await warm.SetAsync("""{"Routes":{"ListPosts":{"Degrade":"forced"}}}""");
        Assert.Equal(400, (await warm.GetAsync(Posts + "?limit=0")).Status);
        Assert.Equal("ListPosts; reason=DEGRADED", (await warm.GetAsync(Posts)).Degraded);
        warm.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task What_stands_in_for_a_list_is_given_only_as_long_as_it_may_be_old()
    {
        await using var bff = await WarmAsync("--Protection:Degrade:KeepFor=00:00:01");
        bff.ListPosts = (_, _) => throw ProtectedBff.Broken();
        Assert.Equal(503, (await bff.UntilAsync(Posts, answer => answer.Degraded is null)).Status);
    }

    [Fact]
    public async Task What_is_answered_in_place_of_a_list_is_not_kept_as_that_list()
    {
        await using var bff = await WarmAsync(WithCache);
        bff.ListPosts = (_, _) => throw ProtectedBff.Broken();
        Assert.NotNull((await bff.GetAsync(Posts)).Degraded);
        bff.ListPosts = (_, _) => Task.FromResult(new ListPostsResponse { Posts = { ProtectedBff.NewPost(1) } });
        var good = await bff.GetAsync(Posts);
        Assert.Equal((null, "1"), (good.Degraded, (string?)Assert.Single(good.Body!["data"]!["items"]!.AsArray())!["id"]));
    }

    [Fact]
    public async Task The_home_page_shows_what_was_kept_in_place_of_a_side_that_fails_and_is_not_kept_like_that()
    {
        await using var bff = await WarmAsync(WithCache);
        var well = bff.ListPosts;
        bff.ListPosts = (_, _) => throw ProtectedBff.Broken();
        var partial = await bff.GetAsync(Home);
        Assert.Equal((200, "GetHome; reason=UPSTREAM_ERROR", "degrade; reason=UPSTREAM_ERROR; effect=partial"), (partial.Status, partial.Degraded, partial.Degrading));
        Assert.Equal("feed", (string?)Assert.Single(partial.Body!["data"]!["degraded"]!.AsArray()));
        Assert.Equal("7", (string?)partial.Body["data"]!["feed"]!["items"]![0]!["id"]);
        Assert.Equal("3", (string?)partial.Body["data"]!["mall"]!["items"]![0]!["id"]);
        Assert.Equal(1, await bff.DecisionsAsync("degrade", "GetHome", "UPSTREAM_ERROR", "partial"));

        bff.ListPosts = well;
        var whole = await bff.GetAsync(Home);
        Assert.Equal((null, 0), (whole.Degraded, whole.Body!["data"]!["degraded"]!.AsArray().Count));
        // That one is kept.
        bff.ListPosts = (_, _) => throw ProtectedBff.Broken();
        var kept = await bff.GetAsync(Home);
        Assert.Equal((null, true), (kept.Degraded, kept.Headers["Cache-Status"].StartsWith("FeedMall; hit", StringComparison.Ordinal)));
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task The_home_page_without_both_sides_is_the_last_good_one_and_before_there_is_one_what_was_kept()
    {
        await using var bff = await WarmAsync(s_shortLived);
        var (posts, cards) = (bff.ListPosts, bff.ListCollectionCards);
        (bff.ListPosts, bff.ListCollectionCards) = ((_, _) => throw ProtectedBff.Broken(), (_, _) => throw ProtectedBff.Broken());
        var kept = await bff.GetAsync(Home);
        Assert.Equal((200, "degrade; reason=UPSTREAM_ERROR; effect=default"), (kept.Status, kept.Degrading));
        Assert.Equal(["feed", "mall"], kept.Body!["data"]!["degraded"]!.AsArray().Select(part => (string?)part));
        Assert.Equal(("7", "3"), ((string?)kept.Body["data"]!["feed"]!["items"]![0]!["id"], (string?)kept.Body["data"]!["mall"]!["items"]![0]!["id"]));

        (bff.ListPosts, bff.ListCollectionCards) = ((_, _) => Task.FromResult(new ListPostsResponse { Posts = { ProtectedBff.NewPost(1) } }), cards);
        await bff.UntilAsync(Home, answer => answer.Degraded is null);
        (bff.ListPosts, bff.ListCollectionCards) = ((_, _) => throw ProtectedBff.Broken(), (_, _) => throw ProtectedBff.Broken());
        var copy = await bff.UntilAsync(Home, answer => answer.Degraded is not null);
        Assert.Equal("degrade; reason=UPSTREAM_ERROR; effect=stale", copy.Degrading);
        Assert.Equal("1", (string?)copy.Body!["data"]!["feed"]!["items"]![0]!["id"]);
        // A side whose failures shall be seen takes the page with it.
        await bff.SetAsync("""{"Degrade":{"Mall":"off"}}""");
        Assert.Equal(503, (await bff.GetAsync(Home)).Status);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_post_whose_author_cannot_be_had_is_shown_with_an_unknown_one_and_not_kept_like_that()
    {
        await using var bff = await ProtectedBff.StartAsync(WithCache);
        bff.GetPost = (request, _) => Task.FromResult(new GetPostResponse { Post = new Post { Id = request.Id, Uid = 5, Title = "a post" } });
        var partial = await bff.GetAsync(Post);
        Assert.Equal((200, "GetPost; reason=UPSTREAM_ERROR", "degrade; reason=UPSTREAM_ERROR; effect=partial"), (partial.Status, partial.Degraded, partial.Degrading));
        Assert.Equal(("unknown", "author"), ((string?)partial.Body!["data"]!["author"]!["name"], (string?)Assert.Single(partial.Body["data"]!["degraded"]!.AsArray())));
        bff.GetPost = (request, _) => Task.FromResult(ProtectedBff.Post(request.Id));
        var whole = await bff.GetAsync(Post);
        Assert.Equal((null, "ada", null), (whole.Degraded, (string?)whole.Body!["data"]!["author"]!["name"], whole.Body["data"]!["degraded"]));
        Assert.NotEqual(partial.Headers["ETag"], whole.Headers["ETag"]);
    }

    [Fact]
    public async Task A_users_copy_is_given_to_nobody_else()
    {
        await using var bff = await ProtectedBff.StartAsync(s_shortLived);
        var (owner, other) = (await bff.LogInAsync(5), await bff.LogInAsync(6));
        // A draft: its owner sees it.
        bff.GetCollection = (request, context) => context.RequestHeaders.GetValue("x-md-global-uid") == "5"
            ? Task.FromResult(new GetCollectionResponse { Collection = new Collection { Id = request.Id, Title = "a draft" } })
            : throw new ServiceException(StatusCode.NotFound, "MALL_COLLECTION_NOT_FOUND", "There is no such collection.");
        const string Draft = "/v1/mall/collections/1";
        Assert.Equal((200, 404, 404), ((await bff.GetAsync(Draft, owner)).Status, (await bff.GetAsync(Draft, other)).Status, (await bff.GetAsync(Draft)).Status));
        await bff.SetAsync("""{"Routes":{"GetCollection":{"Degrade":"forced"}}}""");
        Assert.Equal((200, 503, 503), ((await bff.GetAsync(Draft, owner)).Status, (await bff.GetAsync(Draft, other)).Status, (await bff.GetAsync(Draft)).Status));
        await bff.SetAsync("""{"Routes":{"GetCollection":{"Degrade":"auto"}}}""");
        bff.GetCollection = (_, _) => throw ProtectedBff.Broken();
        Assert.Equal("a draft", (string?)(await bff.UntilAsync(Draft, answer => answer.Degraded is not null, owner)).Body!["data"]!["title"]);
        Assert.Equal((503, 503), ((await bff.GetAsync(Draft, other)).Status, (await bff.GetAsync(Draft)).Status));
    }

    [Fact]
    public async Task Who_is_turned_away_at_the_door_gets_the_copy_too()
    {
        await using var bff = await ProtectedBff.StartAsync([.. s_shortLived, "--Protection:Admission:Ceiling=1", "--Protection:Admission:QueueCapacity=1"]);
        await bff.GetAsync(Post);
        var (begun, go) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        bff.GetProduct = async (request, context) =>
        {
            begun.TrySetResult();
            await go.Task.WaitAsync(context.CancellationToken);
            return new GetProductResponse { Product = new Product { Id = request.Id } };
        };
        var holder = bff.GetAsync("/v1/mall/products/1");
        await begun.Task.WaitAsync(ProtectedBff.Cancel);
        var copy = await bff.UntilAsync(Post, answer => answer.Degraded is not null);
        Assert.Equal((200, "GetPost; reason=QUEUE_TIMEOUT", "degrade; reason=QUEUE_TIMEOUT; effect=stale"), (copy.Status, copy.Degraded, copy.Degrading));
        Assert.Equal(0, await bff.DecisionsAsync("admission", "GetPost", "QUEUE_TIMEOUT", "refused"));
        go.SetResult();
        Assert.Equal(200, (await holder).Status);
    }

    [Fact]
    public async Task A_service_that_hangs_is_not_asked_by_everybody_while_there_is_a_copy()
    {
        await using var bff = await ProtectedBff.StartAsync([.. s_shortLived, "--Protection:Routes:GetPost:Timeout=00:00:00.500"]);
        await bff.GetAsync(Post);
        var calls = 0;
        bff.GetPost = async (_, context) =>
        {
            Interlocked.Increment(ref calls);
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new GetPostResponse();
        };
        // Answers that live long are made anew seldom, also when that fails.
        await bff.SetAsync("""{"Routes":{"GetPost":{"CacheTime":"00:01:00"}}}""");
        var first = await bff.UntilAsync(Post, answer => answer.Degraded is not null);
        Assert.Equal((200, "GetPost; reason=DEADLINE_EXCEEDED"), (first.Status, first.Degraded));
        for (var i = 0; i < 20; i++) Assert.Equal("GetPost; reason=DEADLINE_EXCEEDED", (await bff.GetAsync(Post)).Degraded);
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Writes_have_no_fallback_and_say_so()
    {
        await using var bff = await ProtectedBff.StartAsync();
        var routes = (await bff.ProtectionAsync())["mechanisms"]!["degrade"]!["routes"]!.AsObject();
        string[] writes = ["Register", "LogIn", "CreatePost", "UpdatePost", "DeletePost", "AddLike", "CancelLike", "CreateShop", "CreateProduct", "UpdateProduct", "CreateCollection", "SetCollectionState"];
        Assert.Equal(writes.Order(StringComparer.Ordinal), routes.Where(route => route.Value!["fallback"]!.AsArray().Count == 0).Select(route => route.Key).Order(StringComparer.Ordinal));
        Assert.All(routes, route => Assert.NotEmpty(route.Value!["dependencies"]!.AsArray()));
        Assert.Equal(["the last good answer", "the popular posts"], routes["ListPosts"]!["fallback"]!.AsArray().Select(name => (string?)name));

        var swagger = (await bff.GetAsync("/swagger/v1/swagger.json")).Body!["paths"]!;
        Assert.EndsWith("It has no fallback: it takes place, or it fails.", (string?)swagger[Posts]!["post"]!["description"], StringComparison.Ordinal);
        Assert.Contains("the last good answer, else the popular posts, else the failure", (string?)swagger[Posts]!["get"]!["description"], StringComparison.Ordinal);

        await bff.SetAsync("""{"Routes":{"CreatePost":{"Degrade":"forced"}}}""");
        var user = await bff.LogInAsync(5);
        using var request = new HttpRequestMessage(HttpMethod.Post, Posts) { Content = new StringContent("""{"title":"a"}""", null, "application/json") };
        request.Headers.TryAddWithoutValidation(user.Item1, user.Item2);
        using var response = await bff.Http.SendAsync(request, ProtectedBff.Cancel);
        var refused = await ProtectedBff.Answer.ReadAsync(response);
        Assert.Equal((503, "DEGRADED", null), (refused.Status, refused.Reason, refused.Degraded));
    }

    [Theory]
    [InlineData("""{"Degrade":{"Moll":"forced"}}""", "Moll")]
    [InlineData("""{"Degrade":{"Mall":"sometimes"}}""", "Protection:Degrade:Mall")]
    [InlineData("""{"Routes":{"GetPost":{"Degrade":"sometimes"}}}""", "Protection:Routes:GetPost:Degrade")]
    [InlineData("""{"Routes":{"GetPost":{"Degrade":"7"}}}""", "Protection:Routes:GetPost:Degrade")]
    [InlineData("""{"Degrade":{"RenewInterval":"00:00:00.001"}}""", "Protection:Degrade:RenewInterval")]
    [InlineData("""{"Degrade":{"KeepFor":"00:00:00"}}""", "Protection:Degrade:KeepFor")]
    public async Task A_bad_switch_is_refused_by_name(string change, string named)
    {
        await using var bff = await ProtectedBff.StartAsync();
        var (status, body) = await bff.ChangeAsync(change, bff.Key);
        Assert.Equal(400, (int)status);
        Assert.Contains(body["problems"]!.AsArray(), problem => ((string)problem!).Contains(named, StringComparison.Ordinal));
    }

    // With what stands in for lists read already.
    private static async Task<ProtectedBff> WarmAsync(params string[] settings)
    {
        var bff = await ProtectedBff.StartAsync(settings);
        await bff.WarmUpAsync();
        return bff;
    }
}
