using FeedMall.Bff;
using Xunit;

namespace FeedMall.Tests.Bff;

public sealed class BffOptionsTests
{
    [Fact]
    public void The_defaults_are_valid() => Assert.True(new BffOptionsValidator().Validate(null, new BffOptions()).Succeeded);

    [Theory]
    [InlineData(1000, 1000)]
    [InlineData(1000, 5000)]
    [InlineData(500, 600)]
    [InlineData(1000, 9)]
    public void A_section_of_the_home_page_that_may_take_all_of_the_requests_time_stops_the_start(int request, int section)
    {
        var options = new BffOptions { RequestTimeout = TimeSpan.FromMilliseconds(request), HomeSectionTimeout = TimeSpan.FromMilliseconds(section) };
        Assert.Contains("Bff:HomeSectionTimeout", Assert.Single(new BffOptionsValidator().Validate(null, options).Failures!), StringComparison.Ordinal);
    }
}
