using System.Globalization;
using FeedMall.ServiceDefaults.KeyValue;

namespace FeedMall.Bff.Caching;

/// <summary>How a cache answered, as in the header Cache-Status (RFC 9211).</summary>
internal enum CacheOutcome
{
    /// <summary>There is nothing that may be used.</summary>
    Miss,

    /// <summary>What is there is fresh.</summary>
    Hit,

    /// <summary>What is there is not fresh any more, but not yet too old; it is being renewed.</summary>
    Stale,

    /// <summary>What is there is too old, but no new one could be made.</summary>
    StaleError,
}

/// <summary>
/// What the store of answers is to know of the request that asks it: the framework hands it a key only. It flows with the code that handles the request.
/// </summary>
/// <param name="key">Of the answer: all that changes it.</param>
/// <param name="tags">Of the answer.</param>
/// <param name="isFill">Whether this is a flight that makes an answer, and no caller.</param>
internal sealed class AnswerLookup(string key, string[] tags, bool isFill)
{
    public string Key => key;

    public string[] Tags => tags;

    public bool IsFill => isFill;

    /// <summary>The lookup of a caller, who is told how it went (Cache-Status, RFC 9211).</summary>
    public static AnswerLookup Begin(HttpContext context, CacheRule rule)
    {
        var lookup = new AnswerLookup(rule.KeyOf(context), rule.Tags(context), isFill: false);
        context.Features.Set(lookup);
        context.Response.OnStarting(static state =>
        {
            var (response, lookup) = ((HttpResponse, AnswerLookup))state;
            response.Headers["Cache-Status"] = lookup.Outcome == CacheOutcome.Miss ? "FeedMall; fwd=miss"
                : string.Create(CultureInfo.InvariantCulture, $"FeedMall; hit; ttl={(long)Math.Floor(lookup.FreshFor.TotalSeconds)}");
            return Task.CompletedTask;
        }, (context.Response, lookup));
        return lookup;
    }

    /// <summary>What stood at the tags before the answer was begun to be made; null: it cannot be kept in the common store.</summary>
    public TagStamps? Stamps { get; set; }

    /// <summary>The count of evictions on this copy of the service before the answer was begun to be made.</summary>
    public long Generation { get; set; }

    public CacheOutcome Outcome { get; set; }

    /// <summary>What was found, in the framework's form; null on a miss.</summary>
    public byte[]? Found { get; set; }

    /// <summary>A good answer that is too old to be given, unless no new one can be made.</summary>
    public Answer? TooOld { get; set; }

    /// <summary>How long what was found stays fresh; negative when it is not.</summary>
    public TimeSpan FreshFor { get; set; }
}
