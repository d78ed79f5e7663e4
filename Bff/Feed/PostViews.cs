using FeedMall.Bff.Requests;
using FeedMall.Proto.Feed.V1;
using FluentValidation;

namespace FeedMall.Bff.Feed;

/// <summary>A post, whole.</summary>
/// <param name="Degraded">"author" when that could not be had; absent when all is there.</param>
internal sealed record PostView(
    string Id, string Uid, string Title, string Content, string Type, IReadOnlyList<string> Tags, ImageView? Cover, IReadOnlyList<ImageView> Images,
    VideoView? Video, long LikeCount, string CreatedAt, string UpdatedAt, long Version, AuthorView Author,
    IReadOnlyList<string>? Degraded = null)
{
    public static PostView From(Post post) => new(
        Requests.Id.Write(post.Id), Requests.Id.Write(post.Uid), post.Title, post.Content, PostTypes.Write(post.Type), [.. post.Tags.Select(tag => tag.Name)],
        ImageView.From(post.Cover), [.. post.Images.Select(image => ImageView.From(image)!)], VideoView.From(post.Video), post.LikeCount,
        Instants.Write(post.CreatedAtMs), Instants.Write(post.UpdatedAtMs), post.Version, AuthorView.From(post),
        AuthorView.FindMissing(post));

    /// <summary>Changes whenever the view does.</summary>
    public static string ETagOf(Post post) => $"{post.Id:x}-{post.Version:x}-{post.LikeCount:x}{(AuthorView.IsMissing(post) ? "-degraded" : "")}";
}

/// <summary>A post in a list of cards.</summary>
/// <param name="Degraded">As in a post.</param>
internal sealed record PostCardView(
    string Id, string Title, string Type, ImageView? Cover, VideoView? Video, long LikeCount, string CreatedAt, AuthorView Author,
    IReadOnlyList<string>? Degraded = null)
{
    public static PostCardView From(Post post) => new(
        Requests.Id.Write(post.Id), post.Title, PostTypes.Write(post.Type), ImageView.From(post.Cover), VideoView.From(post.Video), post.LikeCount,
        Instants.Write(post.CreatedAtMs), AuthorView.From(post), AuthorView.FindMissing(post));
}

/// <summary>Who wrote a post.</summary>
internal sealed record AuthorView(string Uid, string Name)
{
    private const string Unknown = "unknown";
    private static readonly string[] s_missing = ["author"];

    /// <summary>The author; when he could not be had, one without a name, so that the post can be read all the same.</summary>
    public static AuthorView From(Post post) => new(Requests.Id.Write(post.Uid), IsMissing(post) ? Unknown : post.Author.Name);

    /// <summary>Whether he could not be had.</summary>
    public static bool IsMissing(Post post) => post.Author is null or { Name: "" };

    /// <summary>The same, for the body.</summary>
    public static IReadOnlyList<string>? FindMissing(Post post) => IsMissing(post) ? s_missing : null;
}

/// <summary>A post's likes after a change.</summary>
internal sealed record LikeView(long LikeCount);

/// <summary>A new post.</summary>
internal sealed record NewPost(
    string? Title, string? Content, string? Type, IReadOnlyList<string>? Tags, ImageView? Cover, IReadOnlyList<ImageView>? Images, VideoView? Video);

/// <summary>The fields of a post that can change.</summary>
internal sealed record PostPatch(
    string? Title, string? Content, IReadOnlyList<string>? Tags, ImageView? Cover, IReadOnlyList<ImageView>? Images, VideoView? Video);

internal sealed class NewPostRules : AbstractValidator<NewPost>
{
    public NewPostRules()
    {
        RuleFor(post => post.Title).NotNull().WithMessage("must be there").IsText(1, PostLimits.Title);
        RuleFor(post => post.Content).IsText(0, PostLimits.Content);
        RuleFor(post => post.Type).Must(type => PostTypes.TryRead(type ?? "text", out _)).WithMessage("must be text, image or video");
        RuleFor(post => post.Tags).IsShort(PostLimits.Tags);
        RuleForEach(post => post.Tags).NotNull().WithMessage("must be there").IsText(1, PostLimits.Tag);
        RuleFor(post => post.Cover!).SetValidator(new ImageRules()).When(post => post.Cover is not null);
        RuleFor(post => post.Images).IsShort(PostLimits.Images);
        RuleForEach(post => post.Images).NotNull().WithMessage("must be there").SetValidator(new ImageRules());
        RuleFor(post => post.Video).NotNull().When(post => post.Type == "video").WithMessage("must be there when type is video");
        RuleFor(post => post.Video).Null().When(post => post.Type != "video").WithMessage("must not be there unless type is video");
        RuleFor(post => post.Video!).SetValidator(new VideoRules()).When(post => post.Video is not null);
    }
}

// Which null clears a field and which is refused depends on the post, so the domain service decides that.
internal sealed class PostPatchRules : AbstractValidator<PostPatch>
{
    public PostPatchRules()
    {
        RuleFor(post => post.Title).IsText(1, PostLimits.Title);
        RuleFor(post => post.Content).IsText(0, PostLimits.Content);
        RuleFor(post => post.Tags).IsShort(PostLimits.Tags);
        RuleForEach(post => post.Tags).NotNull().WithMessage("must be there").IsText(1, PostLimits.Tag);
        RuleFor(post => post.Cover!).SetValidator(new ImageRules()).When(post => post.Cover is not null);
        RuleFor(post => post.Images).IsShort(PostLimits.Images);
        RuleForEach(post => post.Images).NotNull().WithMessage("must be there").SetValidator(new ImageRules());
        RuleFor(post => post.Video!).SetValidator(new VideoRules()).When(post => post.Video is not null);
    }
}

/// <summary>The contract's limits (proto/feed/v1/posts.proto).</summary>
internal static class PostLimits
{
    public const int Title = 120;
    public const int Content = 10_000;
    public const int Tags = 10;
    public const int Tag = 32;
    public const int Images = 9;
}

/// <summary>The types of posts by their names in JSON.</summary>
internal static class PostTypes
{
    public static string Write(PostType type) => type switch
    {
        PostType.Image => "image",
        PostType.Video => "video",
        _ => "text",
    };

    public static bool TryRead(string text, out PostType type)
    {
        type = text switch
        {
            "text" => PostType.Text,
            "image" => PostType.Image,
            "video" => PostType.Video,
            _ => PostType.Unspecified,
        };
        return type != PostType.Unspecified;
    }
}
