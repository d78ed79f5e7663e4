using FeedMall.Bff;
using FeedMall.Bff.Edge;
using FeedMall.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace FeedMall.Tests.Bff;

public sealed class DeadlineEdgeTests
{
    private readonly TestClock _clock = new();

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
        Assert.Equal(_clock.GetUtcNow() + TimeSpan.FromMilliseconds(milliseconds), request.Deadline);
    }

    [Fact]
    public async Task A_route_can_have_another_time_than_the_default()
    {
        var context = new DefaultHttpContext();
        context.SetEndpoint(new Endpoint(null, new EndpointMetadataCollection(new RouteTimeout(options => options.AuthTimeout)), null));
        Assert.Equal(_clock.GetUtcNow() + TimeSpan.FromSeconds(3), (await RunAsync(context, _ => Task.CompletedTask)).Deadline);
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

    private async Task<RequestContext> RunAsync(HttpContext context, RequestDelegate rest)
    {
        using var services = new ServiceCollection().Configure<BffOptions>(_ => { }).BuildServiceProvider();
        var edge = new DeadlineEdge(rest, services.GetRequiredService<IOptionsMonitor<BffOptions>>(), _clock);
        await edge.InvokeAsync(context);
        return context.Features.Get<RequestContext>()!;
    }
}
