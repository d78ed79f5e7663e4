using System.Text;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;
using Xunit;

namespace FeedMall.Tests.KvStore;

public sealed class NumbersAndGlobTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("-1", -1)]
    [InlineData("9223372036854775807", long.MaxValue)]
    [InlineData("-9223372036854775808", long.MinValue)]
    public void A_right_integer_is_read(string text, long value)
    {
        Assert.True(Numbers.TryParseInteger(Encoding.ASCII.GetBytes(text), out var read));
        Assert.Equal(value, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("-0")]
    [InlineData("01")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1.0")]
    [InlineData("9223372036854775808")]
    [InlineData("--1")]
    public void A_wrong_integer_is_refused(string text) => Assert.False(Numbers.TryParseInteger(Encoding.ASCII.GetBytes(text), out _));

    [Theory]
    [InlineData(3000.1, "3000.1")]
    [InlineData(1e20, "100000000000000000000")]
    [InlineData(-1.5e21, "-1500000000000000000000")]
    [InlineData(1e-7, "0.0000001")]
    [InlineData(-1.25e-9, "-0.00000000125")]
    [InlineData(double.PositiveInfinity, "inf")]
    [InlineData(0, "0")]
    public void A_double_is_written_without_an_exponent(double value, string text) => Assert.Equal(text, Numbers.Format(value));

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("a*b*c", "a--b--c", true)]
    [InlineData("a*b*c", "a--b--", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "ac", false)]
    [InlineData("[a-c]x", "bx", true)]
    [InlineData("[c-a]x", "bx", true)]
    [InlineData("[^a-c]x", "bx", false)]
    [InlineData("[\\]]", "]", true)]
    [InlineData("[abc", "b", true)]
    [InlineData("\\*", "*", true)]
    [InlineData("\\*", "a", false)]
    [InlineData("a\\", "a\\", true)]
    public void A_pattern_fits_or_not(string pattern, string text, bool fits) =>
        Assert.Equal(fits, Glob.Matches(Encoding.Latin1.GetBytes(pattern), Encoding.Latin1.GetBytes(text)));

    [Fact]
    public void A_pattern_made_to_take_forever_does_not()
    {
        var pattern = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat("*a", 200)) + "b");
        Assert.False(Glob.Matches(pattern, Encoding.Latin1.GetBytes(new string('a', 20_000))));
    }

    [Fact]
    public void The_hash_depends_on_every_byte_and_on_the_secret()
    {
        var hash = new KeyHash(0x0706050403020100, 0x0f0e0d0c0b0a0908);
        var seen = new HashSet<ulong>();
        var key = new byte[64];
        for (var length = 0; length < 64; length++)
        {
            Assert.True(seen.Add(hash.Of(key.AsSpan(0, length))));
            if (length == 0) continue;
            key[length - 1] = 1;
            Assert.True(seen.Add(hash.Of(key.AsSpan(0, length))));
            key[length - 1] = 0;
        }
        Assert.NotEqual(new KeyHash().Of("a"u8), new KeyHash().Of("a"u8));
    }
}
