using System.Buffers.Text;
using FeedMall.Bff.Requests;
using FeedMall.Proto.Common.V1;
using FeedMall.Rpc.Errors;
using Google.Protobuf;
using Xunit;

namespace FeedMall.Tests.Bff;

public sealed class ListQueryTests
{
    [Fact]
    public void Without_a_wish_it_is_the_first_20_newest()
    {
        var page = new ListQuery(null, null, null).ToPage();
        Assert.Equal(new Page { Limit = 20, Sort = Sort.Newest }, page);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("100", 100)]
    public void A_limit_of_1_to_100_is_taken(string limit, int taken) => Assert.Equal(taken, new ListQuery(limit, null, null).ToPage().Limit);

    [Theory]
    [InlineData("0")]
    [InlineData("101")]
    [InlineData("-1")]
    [InlineData("")]
    [InlineData("5\0")]
    [InlineData("1,2")]
    [InlineData("99999999999999999999")]
    public void Any_other_limit_is_refused(string limit) => Assert.Equal(["limit"], Refused(new ListQuery(limit, null, null)));

    [Theory]
    [InlineData("newest", Sort.Newest)]
    [InlineData("hot", Sort.Hot)]
    public void There_are_two_orders(string text, Sort sort) => Assert.Equal(sort, new ListQuery(null, null, text).ToPage().Sort);

    [Theory]
    [InlineData("")]
    [InlineData("HOT")]
    [InlineData("oldest")]
    public void Another_order_is_refused(string sort) => Assert.Equal(["sort"], Refused(new ListQuery(null, null, sort)));

    [Fact]
    public void Everything_that_is_wrong_is_named_at_once() =>
        Assert.Equal(["cursor", "limit", "sort"], Refused(new ListQuery("x", "x", "x")).Order());

    [Theory]
    [InlineData(Sort.Newest, 0, 1)]
    [InlineData(Sort.Hot, 12, 1573592008277102592)]
    [InlineData(Sort.Hot, long.MaxValue, long.MaxValue)]
    public void A_cursor_comes_back_as_it_went_and_is_safe_in_a_URL(Sort sort, long score, long id)
    {
        var cursor = new Cursor { Sort = sort, Score = score, Id = id };
        var text = ListQuery.WriteCursor(cursor)!;
        Assert.Matches("^[A-Za-z0-9_-]+$", text);
        Assert.Equal(cursor, new ListQuery(null, text, null).ToPage().Cursor);
    }

    [Fact]
    public void At_the_end_of_a_list_there_is_no_cursor() => Assert.Null(ListQuery.WriteCursor(null));

    [Theory]
    [InlineData("")]
    [InlineData("=")]
    [InlineData("A")]
    [InlineData("AAAA")]
    [InlineData("a+b/")]
    [InlineData("';DROP TABLE posts")]
    [InlineData("ÄÖÜß")]
    public void A_text_that_is_no_cursor_is_refused(string text) => Assert.Equal(["cursor"], Refused(new ListQuery(null, text, null)));

    [Fact]
    public void A_cursor_that_is_too_long_is_refused_unread()
    {
        var padded = new Cursor { Sort = Sort.Newest, Id = 1 }.ToByteArray().Concat(Enumerable.Repeat(new byte[] { 0x78, 1 }, 30).SelectMany(field => field)).ToArray();
        Assert.Equal(1, Cursor.Parser.ParseFrom(padded).Id);
        Assert.Equal(["cursor"], Refused(new ListQuery(null, Base64Url.EncodeToString(padded), null)));
    }

    [Fact]
    public void No_text_makes_it_fail_in_another_way()
    {
        // The same texts in every run; half of them valid Base64Url, so that they get as far as the parser.
        var chance = new Random(20260101);
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_= \t\n+/%\0é";
        int read = 0, refused = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var text = new string(chance.GetItems<char>(alphabet.AsSpan(0, i % 2 == 0 ? 64 : alphabet.Length), chance.Next(70)));
            try
            {
                Assert.NotNull(new ListQuery(null, text, null).ToPage().Cursor);
                read++;
            }
            catch (ServiceException refusal)
            {
                Assert.Equal(Reasons.ValidationFailed, refusal.Reason);
                refused++;
            }
        }
        Assert.True(read > 0 && refused > 0, $"{read} read, {refused} refused");
    }

    private static IEnumerable<string> Refused(ListQuery query) => Assert.Throws<ServiceException>(query.ToPage).Metadata.Keys;
}
