using FeedMall.Bff.Requests;
using FeedMall.Proto.Common.V1;
using FluentValidation;

namespace FeedMall.Bff.Feed;

/// <summary>A picture.</summary>
internal sealed record ImageView(string? Url, int? Width, int? Height)
{
    public static ImageView? From(Image? image) => image is null ? null : new(image.Url, image.Width, image.Height);

    public Image ToImage() => new() { Url = Url ?? "", Width = Width ?? 0, Height = Height ?? 0 };
}

/// <summary>A video.</summary>
internal sealed record VideoView(string? Url, int? DurationSeconds, int? Width, int? Height)
{
    public static VideoView? From(Video? video) => video is null ? null : new(video.Url, video.DurationSeconds, video.Width, video.Height);

    public Video ToVideo() => new() { Url = Url ?? "", DurationSeconds = DurationSeconds ?? 0, Width = Width ?? 0, Height = Height ?? 0 };
}

internal sealed class ImageRules : AbstractValidator<ImageView>
{
    public ImageRules()
    {
        RuleFor(image => image.Url).IsUrl();
        RuleFor(image => image.Width).IsPixels();
        RuleFor(image => image.Height).IsPixels();
    }
}

internal sealed class VideoRules : AbstractValidator<VideoView>
{
    public VideoRules()
    {
        RuleFor(video => video.Url).IsUrl();
        RuleFor(video => video.DurationSeconds).GreaterThanOrEqualTo(0).WithMessage("must not be negative");
        RuleFor(video => video.Width).IsPixels();
        RuleFor(video => video.Height).IsPixels();
    }
}

/// <summary>Instants as they stand in answers: UTC, milliseconds.</summary>
internal static class Instants
{
    public static string Write(long unixMilliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds).ToString("yyyy-MM-ddTHH:mm:ss.fffZ", System.Globalization.CultureInfo.InvariantCulture);
}
