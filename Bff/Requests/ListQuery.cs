using System.Buffers.Text;
using System.Globalization;
using FeedMall.Proto.Common.V1;
using FeedMall.ServiceDefaults.Validation;
using Google.Protobuf;

namespace FeedMall.Bff.Requests;

/// <summary>Which part of a list is wanted, as it stands in the query. Texts, so that every wrong one gets a clear answer.</summary>
internal sealed record ListQuery(string? Limit, string? Cursor, string? Sort)
{
    private const int DefaultLimit = 20;
    private const int MaxCursorLength = 64;

    /// <summary>What a list says of itself that has other items than those asked for.</summary>
    public static IReadOnlyList<string> ItemsDegraded { get; } = ["items"];

    /// <summary>The same query, where no endpoint has bound it.</summary>
    public static ListQuery Read(IQueryCollection query) => new(Text(query, "limit"), Text(query, "cursor"), Text(query, "sort"));

    /// <summary>The same for a domain service.</summary>
    /// <exception cref="Rpc.Errors.ServiceException">VALIDATION_FAILED, naming every wrong field.</exception>
    public Page ToPage()
    {
        var errors = new FieldErrors();
        var page = new Page { Limit = DefaultLimit, Sort = Proto.Common.V1.Sort.Newest };
        if (Limit is not null)
        {
            if (int.TryParse(Limit, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && !Limit.Contains('\0') && limit is >= 1 and <= PageQuery.MaxLimit) page.Limit = limit;
            else errors.Add("limit", $"must be 1 to {PageQuery.MaxLimit}");
        }
        if (Sort == "hot") page.Sort = Proto.Common.V1.Sort.Hot;
        else if (Sort is not (null or "newest")) errors.Add("sort", "must be newest or hot");
        if (Cursor is not null)
        {
            page.Cursor = TryReadCursor(Cursor);
            errors.Require(page.Cursor is not null, "cursor", "must be the nextCursor of the page before");
        }
        errors.ThrowIfAny();
        return page;
    }

    /// <summary>A cursor as callers see it: opaque, safe in a URL.</summary>
    public static string? WriteCursor(Cursor? cursor) => cursor is null ? null : Base64Url.EncodeToString(cursor.ToByteArray());

    private static string? Text(IQueryCollection query, string name) => query.TryGetValue(name, out var values) ? values.ToString() : null;

    private static Cursor? TryReadCursor(string text)
    {
        if (text.Length is 0 or > MaxCursorLength || !Base64Url.IsValid(text)) return null;
        try
        {
            return Proto.Common.V1.Cursor.Parser.ParseFrom(Base64Url.DecodeFromChars(text));
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}

/// <summary>Several ids in a query: "ids=1,2,3".</summary>
internal static class IdList
{
    /// <exception cref="Rpc.Errors.ServiceException">VALIDATION_FAILED: one is no id, or they are too many.</exception>
    public static IReadOnlyList<long> Read(string text)
    {
        var parts = text.Split(',');
        var ids = new List<long>();
        foreach (var part in parts.Take(PageQuery.MaxLimit))
        {
            if (Id.TryRead(part, out var id)) ids.Add(id);
        }
        new FieldErrors()
            .Require(parts.Length <= PageQuery.MaxLimit, "ids", $"must be at most {PageQuery.MaxLimit}")
            .Require(ids.Count == Math.Min(parts.Length, PageQuery.MaxLimit), "ids", $"each {Id.Rule}, parted by commas")
            .ThrowIfAny();
        return ids;
    }
}
