using FeedMall.Resilience;
using Xunit;

namespace FeedMall.Tests.Resilience;

public sealed class ReasonTests
{
    [Fact]
    public void Every_reason_has_its_text_in_upper_snake_case()
    {
        foreach (var reason in Enum.GetValues<Reason>().Where(reason => reason != Reason.None))
        {
            var words = string.Concat(reason.ToString().Select(letter => char.IsUpper(letter) ? $"_{letter}" : char.ToUpperInvariant(letter).ToString()));
            Assert.Equal(words.TrimStart('_'), reason.Text());
        }
        Assert.Equal("", Reason.None.Text());
    }
}
