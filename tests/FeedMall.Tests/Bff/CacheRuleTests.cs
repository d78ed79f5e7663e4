using FeedMall.Bff.Caching;
using FeedMall.Bff.Edge;
using FeedMall.Resilience.Queueing;
using FeedMall.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace FeedMall.Tests.Bff;

/// <summary>Requests with one key get one answer, so what can change it must be in the key.</summary>
public sealed class CacheRuleTests
{
    private static readonly CacheRule s_list = new(TimeSpan.FromSeconds(5), ["limit", "cursor"], _ => [], PerUser: false);

    [Theory]
    [InlineData("?limit=1&cursor=2", "?limit=1%00cursor=2")]
    [InlineData("?limit=1&cursor=2", "?limit=1,cursor=2")]
    [InlineData("?limit=1&limit=2", "?limit=1,2")]
    [InlineData("?limit=1", "?cursor=1")]
    [InlineData("?limit=1", "")]
    public void Queries_that_ask_for_different_things_have_different_keys(string one, string other) => Assert.NotEqual(KeyOf(one), KeyOf(other));

    [Theory]
    [InlineData("?limit=1&cursor=2", "?cursor=2&limit=1")]
    [InlineData("?limit=1", "?limit=1&nonsense=2")]
    [InlineData("?limit=1", "?LIMIT=1")]
    [InlineData("?cursor=a%20b", "?cursor=a+b")]
    public void Queries_that_ask_for_the_same_have_the_same_key(string one, string other) => Assert.Equal(KeyOf(one), KeyOf(other));

    [Fact]
    public void A_users_own_answer_has_a_key_of_its_own()
    {
        var own = s_list with { PerUser = true };
        string[] keys = [KeyOf("", own, null), KeyOf("", own, 1), KeyOf("", own, 12)];
        Assert.Equal(3, keys.Distinct().Count());
        Assert.Equal(KeyOf("", s_list, null), KeyOf("", s_list, 1));
    }

    private static string KeyOf(string query, CacheRule? rule = null, long? uid = null)
    {
        var context = new DefaultHttpContext();
        (context.Request.Path, context.Request.QueryString) = ("/v1/feed/posts", new QueryString(query));
        context.Features.Set(new RequestContext(context, TimeSpan.FromSeconds(1), CancellationToken.None, new TestClock())
        {
            RouteTime = TimeSpan.FromSeconds(1), Criticality = Criticality.Critical, Address = System.Net.IPAddress.Loopback, App = "web", Colour = null, Uid = uid,
        });
        return (rule ?? s_list).KeyOf(context);
    }
}
