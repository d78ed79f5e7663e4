using System.Text;
using System.Text.Json;
using FeedMall.Bff.Answers;
using FeedMall.Bff.Feed;
using FeedMall.Bff.Mall;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using Xunit;

namespace FeedMall.Tests.Bff;

/// <summary>The JSON that callers see, letter by letter: others build on it.</summary>
public sealed class EnvelopeTests
{
    private static readonly JsonSerializerOptions Options = Configured();

    [Fact]
    public void A_post() => Wrote(Envelope<PostView>.Of(PostView.From(new Post
    {
        Id = long.MaxValue,
        Uid = 7,
        Title = "Ä <b>\"quoted\"</b> 🦊",
        Content = "line\nnext",
        Type = PostType.Video,
        Tags = { new Tag { Name = "tea" } },
        Video = new Video { Url = "https://a.example/v.mp4", DurationSeconds = 5, Width = 640, Height = 480 },
        LikeCount = 3,
        CreatedAtMs = 1_767_225_600_001,
        UpdatedAtMs = 1_767_225_660_000,
        Version = 2,
        Author = new PostAuthor { Uid = 7, Name = "ann" },
    })),
        """
        {"code":0,"message":"success","data":{"id":"9223372036854775807","uid":"7","title":"Ä <b>\"quoted\"</b> \uD83E\uDD8A","content":"line\nnext","type":"video",
        "tags":["tea"],"images":[],"video":{"url":"https://a.example/v.mp4","durationSeconds":5,"width":640,"height":480},"likeCount":3,
        "createdAt":"2026-01-01T00:00:00.001Z","updatedAt":"2026-01-01T00:01:00.000Z","version":2,"author":{"uid":"7","name":"ann"}}}
        """);

    [Fact]
    public void A_product() => Wrote(Envelope<ProductView>.Of(ProductView.From(new Product
    {
        Id = 1,
        ShopId = 2,
        Title = "Cup",
        Description = "",
        Price = new Money { MinorUnits = 1250, Currency = "EUR" },
        Images = { new Image { Url = "https://a.example/i.png", Width = 1, Height = 2 } },
        CreatedAtMs = 0,
        UpdatedAtMs = 0,
        Version = 1,
    })),
        """
        {"code":0,"message":"success","data":{"id":"1","shopId":"2","title":"Cup","description":"","price":{"amount":1250,"currency":"EUR"},
        "images":[{"url":"https://a.example/i.png","width":1,"height":2}],"tags":[],"createdAt":"1970-01-01T00:00:00.000Z",
        "updatedAt":"1970-01-01T00:00:00.000Z","version":1}}
        """);

    [Fact]
    public void A_part_of_a_list() => Wrote(Envelope<ListView<PostCardView>>.Of(new([], "CAEQAQ")),
        """{"code":0,"message":"success","data":{"items":[],"nextCursor":"CAEQAQ"}}""");

    [Fact]
    public void The_end_of_a_list_has_no_cursor() => Wrote(Envelope<ListView<PostCardView>>.Of(new([], null)),
        """{"code":0,"message":"success","data":{"items":[]}}""");

    [Fact]
    public void An_answer_without_content() => Wrote(Envelope<Nothing>.Of(new Nothing()), """{"code":0,"message":"success","data":{}}""");

    [Fact]
    public void A_failure() => Wrote(
        new Failure(404, "FEED_POST_NOT_FOUND", "There is no such post.", new Dictionary<string, string> { ["postId"] = "1" }, "4bf92f3577b34da6a3ce929d0e0e4736"),
        """
        {"code":404,"reason":"FEED_POST_NOT_FOUND","message":"There is no such post.","metadata":{"postId":"1"},"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"}
        """);

    [Theory]
    [InlineData("""{"title":"a","title":"b"}""")]
    [InlineData("""{"title":"a","Title":"b"}""")]
    [InlineData("""{"title":"a",}""")]
    [InlineData("""{"title":"a"/* */}""")]
    [InlineData("""{"cover":{"width":"5"}}""")]
    [InlineData("""{"cover":{"width":5.5}}""")]
    [InlineData("""{"cover":{"width":2147483648}}""")]
    [InlineData("""{"title":"\ud800"}""")]
    public void JSON_is_read_strictly(string json) => Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<NewPost>(json, Options));

    [Fact]
    public void Members_that_nobody_knows_are_left_out() => Assert.Equal("a", JsonSerializer.Deserialize<NewPost>("""{"new":[1],"title":"a"}""", Options)!.Title);

    [Fact]
    public void Nesting_is_bounded_even_where_nobody_reads()
    {
        Assert.NotNull(JsonSerializer.Deserialize<NewPost>(Nested(15), Options));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<NewPost>(Nested(16), Options));
    }

    private static string Nested(int levels) => $"{{\"unknown\":{new string('[', levels)}{new string(']', levels)}}}";

    private static void Wrote<T>(T body, string expected) =>
        Assert.Equal(expected.Replace("\n", "", StringComparison.Ordinal), Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(body, Options)));

    private static JsonSerializerOptions Configured()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Json.Configure(options);
        return options;
    }
}
