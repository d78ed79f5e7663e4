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

    /// <summary>What stood at the tags before the answer was begun to be made; null: it cannot be kept in the common store.</summary>
    public TagStamps? Stamps { get; set; }

    /// <summary>The count of evictions on this copy of the service before the answer was begun to be made.</summary>
    public long Generation { get; set; }

    public CacheOutcome Outcome { get; set; }

    /// <summary>What was found, in the framework's form; null on a miss.</summary>
    public byte[]? Found { get; set; }

    /// <summary>How long what was found stays fresh; negative when it is not.</summary>
    public TimeSpan FreshFor { get; set; }
}
