using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using FeedMall.Testing;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace FeedMall.IntegrationTests.Bff;

public sealed class IdentityTests
{
    [Theory]
    [InlineData("Bearer expired")]
    [InlineData("Basic YTpi")]
    public async Task A_stale_token_keeps_nobody_from_logging_in_or_from_looking_at_health_and_Swagger(string authorization)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var account = new { name = "ada", password = "a-long-password" };

        Assert.Equal(HttpStatusCode.Created, await StatusAsync(HttpMethod.Post, "/v1/auth/register", account));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(HttpMethod.Post, "/v1/auth/login", account));
        foreach (var open in new[] { "/", "/healthz", "/readyz", "/swagger/index.html", "/swagger/v1/swagger.json" })
            Assert.True(await StatusAsync(HttpMethod.Get, open) == HttpStatusCode.OK, open);
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(HttpMethod.Get, "/v1/nothing"));
        // Everywhere else nobody shall believe to be logged in.
        foreach (var closed in new[] { "/v1/feed/posts", "/v1/mall/shops", "/v1/pages/home" })
            Assert.True(await StatusAsync(HttpMethod.Get, closed) == HttpStatusCode.Unauthorized, closed);

        async Task<HttpStatusCode> StatusAsync(HttpMethod method, string path, object? body = null)
        {
            using var request = new HttpRequestMessage(method, path);
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
            if (body is not null) request.Content = JsonContent.Create(body);
            using var response = await host.Http.SendAsync(request, cancel);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task A_token_that_takes_long_to_check_is_given_up_at_the_deadline()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartBffAsync(folder.Path, new Uri(FreePort.NextUrl()), new Uri(FreePort.NextUrl()));
        var bearer = host.Bff.Services.GetRequiredService<IOptionsMonitor<BearerTokenOptions>>().Get(BearerTokenDefaults.AuthenticationScheme);
        bearer.Events.OnMessageReceived = message => Task.Delay(TimeSpan.FromSeconds(20), message.HttpContext.RequestAborted);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/feed/posts");
        request.Headers.Add("x1-mio-timeout", "200");
        using var response = await host.Http.SendAsync(request, cancel).WaitAsync(TimeSpan.FromSeconds(10), cancel);
        Assert.Equal(HttpStatusCode.GatewayTimeout, response.StatusCode);
        Assert.Equal("DEADLINE_EXCEEDED", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel))!["reason"]);
        host.Logs.AssertNoErrors();
    }
}
