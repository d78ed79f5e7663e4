using FeedMall.Proto.Common.V1;
using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.ServiceDefaults.Validation;

/// <summary>
/// Collects what is wrong with a request, field by field, and refuses it as a whole: INVALID_ARGUMENT / VALIDATION_FAILED with metadata
/// field → message. What a domain service checks here is what its data needs, whoever calls.
/// </summary>
public sealed class FieldErrors
{
    private const int MaxUrlLength = 2048;
    private const int MaxTagLength = 32;
    private const int MaxPixels = 100_000;

    private readonly Dictionary<string, string> _errors = new(StringComparer.Ordinal);

    /// <summary>Notes an error; the first one of a field stands.</summary>
    public FieldErrors Add(string field, string message)
    {
        _errors.TryAdd(field, message);
        return this;
    }

    /// <summary>Notes an error unless the condition holds.</summary>
    public FieldErrors Require(bool condition, string field, string message) => condition ? this : Add(field, message);

    /// <summary>Text of a length, in UTF-16 units, without control characters but line breaks and tabs: a database cannot store all of them.</summary>
    public FieldErrors Text(string field, string value, int min, int max)
    {
        if (value.Length < min || value.Length > max)
            Add(field, min == 0 ? $"must have at most {max} characters" : $"must have {min} to {max} characters");
        else if (min > 0 && string.IsNullOrWhiteSpace(value))
            Add(field, "must not be blank");
        else if (value.AsSpan().ContainsAny(Characters.Forbidden))
            Add(field, "must not contain control characters");
        return this;
    }

    /// <summary>A picture's address and size.</summary>
    public FieldErrors Image(string field, Image image)
    {
        Url($"{field}.url", image.Url);
        return Require(image.Width is >= 0 and <= MaxPixels && image.Height is >= 0 and <= MaxPixels, field, $"must be 0 to {MaxPixels} pixels wide and high");
    }

    /// <summary>Several pictures.</summary>
    public FieldErrors Images(string field, IReadOnlyList<Image> images, int max)
    {
        Require(images.Count <= max, field, $"must be at most {max}");
        for (var i = 0; i < images.Count && i < max; i++) Image($"{field}[{i}]", images[i]);
        return this;
    }

    /// <summary>A video's address and size.</summary>
    public FieldErrors Video(string field, Video video)
    {
        Url($"{field}.url", video.Url);
        Require(video.DurationSeconds >= 0, $"{field}.durationSeconds", "must not be negative");
        return Require(video.Width is >= 0 and <= MaxPixels && video.Height is >= 0 and <= MaxPixels, field, $"must be 0 to {MaxPixels} pixels wide and high");
    }

    /// <summary>Tags.</summary>
    public FieldErrors Tags(string field, IReadOnlyList<Tag> tags, int max)
    {
        Require(tags.Count <= max, field, $"must be at most {max}");
        for (var i = 0; i < tags.Count && i < max; i++) Text($"{field}[{i}]", tags[i].Name, 1, MaxTagLength);
        return this;
    }

    /// <summary>An absolute http or https address.</summary>
    public FieldErrors Url(string field, string url) => Require(
        url.Length <= MaxUrlLength && Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https"
            && !url.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)),
        field, $"must be an http or https address of at most {MaxUrlLength} characters");

    /// <summary>Refuses the request when anything was noted.</summary>
    /// <exception cref="ServiceException">INVALID_ARGUMENT / VALIDATION_FAILED.</exception>
    public void ThrowIfAny()
    {
        if (_errors.Count > 0)
            throw new ServiceException(StatusCode.InvalidArgument, Reasons.ValidationFailed, "The request is not valid: see the metadata.", _errors);
    }
}
