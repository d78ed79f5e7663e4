using FeedMall.Proto.Feed.V1;
using Google.Protobuf;

namespace FeedMall.Domain.Feed.Posts;

/// <summary>Tags, cover, images and video of a post as the one JSON text they are stored as.</summary>
internal static class PostMedia
{
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    public static string Write(Post post)
    {
        var media = new PostChanges { Cover = post.Cover, Video = post.Video };
        media.Tags.AddRange(post.Tags);
        media.Images.AddRange(post.Images);
        return JsonFormatter.Default.Format(media);
    }

    public static void Read(string json, Post into)
    {
        var media = Parser.Parse<PostChanges>(json);
        into.Tags.AddRange(media.Tags);
        into.Cover = media.Cover;
        into.Images.AddRange(media.Images);
        into.Video = media.Video;
    }
}
