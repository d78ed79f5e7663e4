using FeedMall.Proto.Feed.V1;
using FeedMall.ServiceDefaults.Validation;
using Google.Protobuf.WellKnownTypes;

namespace FeedMall.Domain.Feed.Posts;

/// <summary>What a post must look like, new or changed.</summary>
internal static class PostRules
{
    private const int MaxTitle = 120;
    private const int MaxContent = 10_000;
    private const int MaxTags = 10;
    private const int MaxImages = 9;

    /// <summary>Refuses a post that the contract does not allow.</summary>
    public static void Check(Post post)
    {
        var errors = new FieldErrors()
            .Text("title", post.Title, 1, MaxTitle)
            .Text("content", post.Content, 0, MaxContent)
            .Require(post.Type is PostType.Text or PostType.Image or PostType.Video, "type", "must be text, image or video")
            .Tags("tags", post.Tags, MaxTags)
            .Images("images", post.Images, MaxImages)
            .Require(post.Video is not null == (post.Type == PostType.Video), "video",
                post.Type == PostType.Video ? "must be there when type is video" : "must not be there unless type is video");
        if (post.Cover is not null) errors.Image("cover", post.Cover);
        if (post.Video is not null) errors.Video("video", post.Video);
        errors.ThrowIfAny();
    }

    /// <summary>Refuses to list posts of a type that does not exist; UNSPECIFIED is every type.</summary>
    public static void CheckFilter(PostType type) =>
        new FieldErrors().Require(type is >= PostType.Unspecified and <= PostType.Video, "type", "must be text, image, video or absent").ThrowIfAny();

    /// <summary>Applies the changes that the mask names.</summary>
    public static void Apply(Post post, PostChanges changes, FieldMask mask)
    {
        foreach (var path in mask.Paths)
        {
            switch (path)
            {
                case "title":
                    post.Title = changes.Title ?? "";
                    break;
                case "content":
                    post.Content = changes.Content ?? "";
                    break;
                case "tags":
                    post.Tags.Clear();
                    post.Tags.AddRange(changes.Tags);
                    break;
                case "cover":
                    post.Cover = changes.Cover;
                    break;
                case "images":
                    post.Images.Clear();
                    post.Images.AddRange(changes.Images);
                    break;
                case "video":
                    post.Video = changes.Video;
                    break;
                default:
                    new FieldErrors().Add("updateMask", $"'{path}' cannot be changed: only title, content, tags, cover, images, video").ThrowIfAny();
                    break;
            }
        }
    }
}
