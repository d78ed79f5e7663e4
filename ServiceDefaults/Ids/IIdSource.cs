namespace FeedMall.ServiceDefaults.Ids;

/// <summary>Hands out time-ordered 64-bit ids, unique over the whole system. The ID server will be a second implementation.</summary>
public interface IIdSource
{
    /// <summary>The next id, always positive and larger than every id this source gave before.</summary>
    ValueTask<long> NextAsync(CancellationToken cancellationToken = default);
}
