using FeedMall.Bff.Requests;
using FeedMall.Rpc.Errors;
using Xunit;

namespace FeedMall.Tests.Bff;

public sealed class IdTests
{
    [Theory]
    [InlineData("1", 1)]
    [InlineData("1573592008277102592", 1573592008277102592)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void A_positive_64_bit_number_is_an_id(string text, long value) => Assert.Equal(value, new Id(text).Value);

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("01")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1.0")]
    [InlineData("1,000")]
    [InlineData("1e3")]
    [InlineData("0x1")]
    [InlineData("1\0")]
    [InlineData("١")]
    [InlineData("\uFF11")]
    [InlineData("9223372036854775808")]
    [InlineData("10000000000000000000")]
    [InlineData("99999999999999999999999999")]
    public void Everything_else_is_refused_with_the_name_of_the_field(string text)
    {
        Assert.True(Id.TryParse(text, null, out var id));
        Assert.Equal(Id.Rule, Refused(() => id.Value)["id"]);
        Assert.Equal(Id.Rule, Refused(() => id.ValueOf("uid"))["uid"]);
    }

    [Fact]
    public void A_list_of_ids_keeps_their_order_and_repeats() => Assert.Equal([3, 1, 3], IdList.Read("3,1,3"));

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("1,")]
    [InlineData("1, 2")]
    [InlineData("1,x")]
    [InlineData("1;2")]
    public void A_list_with_a_wrong_id_is_refused(string text) =>
        Assert.StartsWith("each must be", Refused(() => IdList.Read(text).Count)["ids"], StringComparison.Ordinal);

    [Fact]
    public void A_list_of_100_ids_is_read_and_of_101_is_refused()
    {
        Assert.Equal(100, IdList.Read(string.Join(',', Enumerable.Range(1, 100))).Count);
        Assert.Equal("must be at most 100", Refused(() => IdList.Read(string.Join(',', Enumerable.Range(1, 101))).Count)["ids"]);
    }

    private static IReadOnlyDictionary<string, string> Refused(Func<long> read)
    {
        var refusal = Assert.Throws<ServiceException>(() => read());
        Assert.Equal(Reasons.ValidationFailed, refusal.Reason);
        return refusal.Metadata;
    }
}
