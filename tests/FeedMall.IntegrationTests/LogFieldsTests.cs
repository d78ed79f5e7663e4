using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using FeedMall.IntegrationTests.Bff.Protection;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests;

/// <summary>What log lines and spans say of the request that they belong to.</summary>
public sealed class LogFieldsTests
{
    [Fact]
    public async Task A_line_of_a_request_says_whose_it_was_and_nothing_secret()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var processes = await ThreeProcesses.StartAsync(folder.Path, cancel);
        var credentials = new { name = "ada", password = "a secret of hers" };
        using (var registered = await processes.Http.PostAsJsonAsync("/v1/auth/register", credentials, cancel)) registered.EnsureSuccessStatusCode();
        using var loggedIn = await processes.Http.PostAsJsonAsync("/v1/auth/login", credentials, cancel);
        var token = JsonNode.Parse(await loggedIn.Content.ReadAsStringAsync(cancel))!["data"]!;

        var trace = ActivityTraceId.CreateRandom();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/feed/posts?limit=3");
        foreach (var (name, value) in new[]
        {
            ("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01"), ("Authorization", $"Bearer {token["token"]}"), ("aid", "web"),
            ("x1-mio-color", "canary"), ("x1-mio-criticality", "sheddable"), ("X-Forwarded-For", "198.51.100.7"),
        }) request.Headers.TryAddWithoutValidation(name, value);
        using (var answer = await processes.Http.SendAsync(request, cancel)) answer.EnsureSuccessStatusCode();

        var line = JsonNode.Parse(await processes.Bff!.WaitForLineAsync("GET /v1/feed/posts 200", cancel))!;
        Assert.Equal(["lv", "ts", "msg", "aid", "iid", "tid", "uid", "app", "color", "criticality", "client_address", "cat", "event", "fields"], line.AsObject().Select(field => field.Key));
        Assert.Equal(
            ("bff", trace.ToString(), (string?)token["uid"], "web", "canary", "sheddable", "198.51.100.7"),
            ((string?)line["aid"], (string?)line["tid"], (string?)line["uid"], (string?)line["app"], (string?)line["color"], (string?)line["criticality"], (string?)line["client_address"]));
        Assert.DoesNotContain(credentials.password, processes.Bff.Output, StringComparison.Ordinal);
        Assert.DoesNotContain((string)token["token"]!, processes.Bff.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_span_of_a_request_says_the_same()
    {
        var trace = ActivityTraceId.CreateRandom();
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span =>
            {
                if (span.TraceId == trace && span.GetTagItem("http.route") is "/v1/feed/posts/{id}") spans.Enqueue(span);
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using (var bff = await ProtectedBff.StartAsync())
        {
            await bff.GetAsync("/v1/feed/posts/1", ("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01"), ("aid", "web"), ("x1-mio-color", "canary"), ("X-Forwarded-For", "198.51.100.7"));
        }
        var span = Assert.Single(spans);
        Assert.Equal(
            ["app=web", "color=canary", "criticality=critical", "client_address=198.51.100.7"],
            new[] { "app", "color", "criticality", "client_address" }.Select(name => $"{name}={span.GetTagItem(name)}"));
        Assert.Null(span.GetTagItem("uid"));
    }
}
