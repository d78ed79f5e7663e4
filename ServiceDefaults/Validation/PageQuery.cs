using FeedMall.Proto.Common.V1;

namespace FeedMall.ServiceDefaults.Validation;

/// <summary>A checked page: what a store needs to read it by keyset.</summary>
/// <param name="Sort">NEWEST or HOT.</param>
/// <param name="Limit">1 to 100.</param>
/// <param name="AfterScore">Start behind this score …</param>
/// <param name="AfterId">… and id. At the start of a list both are the largest number there is.</param>
public sealed record PageQuery(Sort Sort, int Limit, long AfterScore, long AfterId)
{
    /// <summary>The most items that one page, or one batch of ids, can have.</summary>
    public const int MaxLimit = 100;

    private const int DefaultLimit = 20;

    /// <summary>Checks a request's page.</summary>
    /// <param name="allowHot">Whether the list can be sorted by popularity.</param>
    /// <exception cref="FeedMall.Rpc.Errors.ServiceException">VALIDATION_FAILED: a limit out of range, an unknown order, a cursor of another order.</exception>
    public static PageQuery From(Page? page, bool allowHot)
    {
        page ??= new Page();
        var sort = page.Sort == Sort.Unspecified ? Sort.Newest : page.Sort;
        var errors = new FieldErrors()
            .Require(page.Limit is >= 0 and <= MaxLimit, "limit", $"must be 1 to {MaxLimit}")
            .Require(sort == Sort.Newest || (allowHot && sort == Sort.Hot), "sort", allowHot ? "must be newest or hot" : "must be newest");
        if (page.Cursor is { } cursor)
            errors.Require(cursor.Sort == sort && cursor.Id > 0 && cursor.Score >= 0, "cursor", "does not belong to this list: take nextCursor of its last page");
        errors.ThrowIfAny();
        return new PageQuery(sort, page.Limit == 0 ? DefaultLimit : page.Limit, page.Cursor?.Score ?? long.MaxValue, page.Cursor?.Id ?? long.MaxValue);
    }

    /// <summary>The cursor behind an item, for the answer; null when the page was not full, so nothing follows.</summary>
    /// <param name="read">How many items were read; one more than <see cref="Limit"/> says that there is a next page.</param>
    public Cursor? Next(int read, long score, long id) =>
        read > Limit ? new Cursor { Sort = Sort, Score = Sort == Sort.Hot ? score : 0, Id = id } : null;
}
