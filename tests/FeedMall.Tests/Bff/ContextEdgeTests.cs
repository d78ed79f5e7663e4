using System.Net;
using FeedMall.Bff;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Resilience.Queueing;
using FeedMall.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace FeedMall.Tests.Bff;

public sealed class ContextEdgeTests
{
    private readonly TestClock _clock = new();
    private Action<ProtectionOptions> _configure = _ => { };

    [Theory]
    [InlineData(null, 1000)]
    [InlineData("0", 0)]
    [InlineData("250", 250)]
    [InlineData("1000", 1000)]
    [InlineData("1001", 1000)]
    [InlineData("999999999", 1000)]
    [InlineData("0000000001", 1000)]
    [InlineData("-5", 1000)]
    [InlineData("+5", 1000)]
    [InlineData(" 5", 1000)]
    [InlineData("5ms", 1000)]
    [InlineData("0.5", 1000)]
    [InlineData("", 1000)]
    public async Task The_time_is_what_the_caller_asks_for_but_never_more_than_the_routes(string? header, int milliseconds)
    {
        var context = new DefaultHttpContext();
        if (header is not null) context.Request.Headers["x1-mio-timeout"] = header;
        var request = await RunAsync(context, _ => Task.CompletedTask);
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), request.Remaining);
    }

    [Fact]
    public async Task A_route_can_have_another_time_than_the_default()
    {
        var context = new DefaultHttpContext();
        context.SetEndpoint(new Endpoint(null, new EndpointMetadataCollection(new RoutePolicy { Timeout = _ => TimeSpan.FromSeconds(3) }), null));
        Assert.Equal(TimeSpan.FromSeconds(3), (await RunAsync(context, _ => Task.CompletedTask)).Remaining);
    }

    [Fact]
    public async Task The_request_is_cancelled_when_its_time_is_up_and_not_before_and_its_caller_is_still_there()
    {
        var context = new DefaultHttpContext();
        var request = await RunAsync(context, http =>
        {
            _clock.Advance(TimeSpan.FromMilliseconds(999));
            Assert.False(http.RequestAborted.IsCancellationRequested);
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            Assert.True(http.RequestAborted.IsCancellationRequested);
            return Task.CompletedTask;
        });
        Assert.False(request.CallerGone.IsCancellationRequested);
        // So that the failure can still be written.
        Assert.False(context.RequestAborted.IsCancellationRequested);
    }

    [Fact]
    public async Task A_call_gets_the_time_that_is_left()
    {
        await RunAsync(new DefaultHttpContext(), http =>
        {
            _clock.Advance(TimeSpan.FromMilliseconds(600));
            Assert.Equal(_clock.GetUtcNow().AddMilliseconds(400).UtcDateTime, http.Features.Get<RequestContext>()!.ToCallOptions().Deadline);
            return Task.CompletedTask;
        });
    }

    [Theory]
    [InlineData("1000", 600, 600)]
    [InlineData("1000", 950, 800)]
    [InlineData("600", 600, 480)]
    [InlineData("300", 600, 240)]
    [InlineData("100", 600, 80)]
    [InlineData("30", 600, 15)]
    [InlineData("1", 600, 0.5)]
    [InlineData("0", 600, 0)]
    public async Task A_part_of_an_answer_ends_before_the_answer_must(string header, int atMost, double milliseconds)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers["x1-mio-timeout"] = header;
        var request = await RunAsync(context, _ => Task.CompletedTask);
        Assert.Equal(_clock.GetUtcNow().AddMilliseconds(milliseconds).UtcDateTime, request.ToPartCallOptions(TimeSpan.FromMilliseconds(atMost)).Deadline);
    }

    [Fact]
    public async Task A_setting_gives_a_route_another_time_and_weight()
    {
        _configure = options => options.Routes["GetPost"] = new() { Timeout = TimeSpan.FromMilliseconds(70), Criticality = "sheddable" };
        var request = await RunAsync(Routed(new RoutePolicy()), _ => Task.CompletedTask);
        Assert.Equal((TimeSpan.FromMilliseconds(70), Criticality.Sheddable), (request.Remaining, request.Criticality));
    }

    [Theory]
    [InlineData("203.0.113.9", "sheddable", Criticality.Sheddable)]
    [InlineData("203.0.113.9", "critical_plus", Criticality.Critical)]
    [InlineData("127.0.0.1", "critical_plus", Criticality.CriticalPlus)]
    [InlineData("::ffff:127.0.0.1", "critical_plus", Criticality.CriticalPlus)]
    [InlineData("127.0.0.1", "CRITICAL!", Criticality.Critical)]
    [InlineData("127.0.0.1", null, Criticality.Critical)]
    public async Task Everybody_may_say_that_a_request_matters_less_and_only_who_is_trusted_that_it_matters_more(string peer, string? asked, Criticality expected)
    {
        var context = Routed(new RoutePolicy());
        context.Connection.RemoteIpAddress = IPAddress.Parse(peer);
        if (asked is not null) context.Request.Headers["x1-mio-criticality"] = asked;
        Assert.Equal(expected, (await RunAsync(context, _ => Task.CompletedTask)).Criticality);
    }

    [Theory]
    [InlineData("203.0.113.9", "198.51.100.1", null, "203.0.113.9")]
    [InlineData("127.0.0.1", "198.51.100.1", null, "198.51.100.1")]
    [InlineData("127.0.0.1", "192.0.2.66, 198.51.100.1", null, "198.51.100.1")]
    [InlineData("127.0.0.1", "198.51.100.1, 127.0.0.1", null, "198.51.100.1")]
    [InlineData("127.0.0.1", "unknown", null, "127.0.0.1")]
    [InlineData("127.0.0.1", null, "198.51.100.7", "198.51.100.7")]
    [InlineData("127.0.0.1", null, "null", "127.0.0.1")]
    [InlineData("::1", "2001:db8::7", null, "2001:db8::7")]
    public async Task The_client_is_who_a_trusted_proxy_says_and_else_the_peer(string peer, string? forwarded, string? real, string expected)
    {
        var context = Routed(new RoutePolicy());
        context.Connection.RemoteIpAddress = IPAddress.Parse(peer);
        if (forwarded is not null) context.Request.Headers["X-Forwarded-For"] = forwarded;
        if (real is not null) context.Request.Headers["x-backend-mio-real-ip"] = real;
        Assert.Equal(expected, (await RunAsync(context, _ => Task.CompletedTask)).Address.ToString());
    }

    [Theory]
    [InlineData(20, "198.51.100.1")]
    [InlineData(3, "198.51.100.1, unknown")]
    [InlineData(3, "198.51.100.1, ")]
    public async Task What_a_caller_writes_before_a_proxy_does_is_not_believed(int hops, string byProxy)
    {
        var context = Routed(new RoutePolicy());
        context.Connection.RemoteIpAddress = IPAddress.Loopback;
        context.Request.Headers["X-Forwarded-For"] = string.Concat(Enumerable.Repeat("192.0.2.66, ", hops)) + byProxy;
        context.Request.Headers["X-Real-IP"] = "192.0.2.66";
        Assert.Equal(byProxy.Contains("unknown", StringComparison.Ordinal) ? "127.0.0.1" : "198.51.100.1", (await RunAsync(context, _ => Task.CompletedTask)).Address.ToString());
    }

    [Fact]
    public async Task Addresses_of_one_IPv6_site_are_one_client()
    {
        async Task<string> ClientAsync(string address)
        {
            var context = Routed(new RoutePolicy());
            context.Connection.RemoteIpAddress = IPAddress.Parse(address);
            return (await RunAsync(context, _ => Task.CompletedTask)).Client;
        }
        Assert.Equal(await ClientAsync("2001:db8:1:2::1"), await ClientAsync("2001:db8:1:2:ffff::9"));
        Assert.NotEqual(await ClientAsync("2001:db8:1:2::1"), await ClientAsync("2001:db8:1:3::1"));
    }

    [Fact]
    public async Task What_is_known_of_a_request_travels_on_with_its_calls()
    {
        var context = Routed(new RoutePolicy());
        context.Connection.RemoteIpAddress = IPAddress.Loopback;
        (context.Request.Headers["aid"], context.Request.Headers["x1-mio-color"]) = ("web", "blue");
        var metadata = (await RunAsync(context, _ => Task.CompletedTask)).ToCallOptions().Headers!.ToDictionary(entry => entry.Key, entry => entry.Value);
        Assert.Equal(new Dictionary<string, string>
        {
            ["x-md-global-criticality"] = "critical", ["x-md-global-app"] = "web", ["x-md-global-client-ip"] = "127.0.0.1", ["x-md-global-color"] = "blue",
        }, metadata);
    }

    [Fact]
    public async Task A_name_that_could_do_harm_is_not_taken_over()
    {
        var context = Routed(new RoutePolicy());
        context.Connection.RemoteIpAddress = IPAddress.Parse("203.0.113.9");
        (context.Request.Headers["aid"], context.Request.Headers["x1-mio-color"]) = ("a b", "blue");
        var request = await RunAsync(context, _ => Task.CompletedTask);
        Assert.Equal(("unknown", null), (request.App, request.Colour));
    }

    private static DefaultHttpContext Routed(RoutePolicy policy)
    {
        var context = new DefaultHttpContext();
        context.SetEndpoint(new Endpoint(null, new EndpointMetadataCollection(policy, new EndpointNameMetadata("GetPost")), null));
        return context;
    }

    private async Task<RequestContext> RunAsync(HttpContext context, RequestDelegate rest)
    {
        using var services = new ServiceCollection().Configure<BffOptions>(_ => { }).Configure<ProtectionOptions>(_configure).BuildServiceProvider();
        var edge = new ContextEdge(rest, services.GetRequiredService<IOptionsMonitor<BffOptions>>(), services.GetRequiredService<IOptionsMonitor<ProtectionOptions>>(),
            new TrustedProxies(services.GetRequiredService<IOptions<BffOptions>>()), _clock);
        await edge.InvokeAsync(context);
        return context.Features.Get<RequestContext>()!;
    }
}
