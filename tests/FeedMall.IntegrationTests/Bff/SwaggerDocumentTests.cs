using System.Text.Json.Nodes;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.Bff;

public sealed class SwaggerDocumentTests
{
    [Fact]
    public async Task Every_operation_is_described_with_examples_errors_and_where_a_token_is_needed()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var document = JsonNode.Parse(await host.Http.GetStringAsync("/swagger/v1/swagger.json", cancel))!;

        var missing = new List<string>();
        var operations = 0;
        foreach (var (path, methods) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in methods!.AsObject())
            {
                operations++;
                missing.AddRange(Missing(operation!, document).Select(what => $"{method} {path}: {what}"));
            }
        }
        Assert.Empty(missing);
        // As many as the contract in the issue names; a route that vanished from the description would otherwise go unnoticed.
        Assert.Equal(29, operations);
        Assert.Equal("bearer", (string?)document["components"]!["securitySchemes"]!["bearer"]!["scheme"]);
    }

    [Fact]
    public async Task What_needs_a_token_says_so_and_only_that()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var document = JsonNode.Parse(await host.Http.GetStringAsync("/swagger/v1/swagger.json", cancel))!;
        foreach (var (path, methods) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in methods!.AsObject())
            {
                using var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), path.Replace("{id}", "1", StringComparison.Ordinal));
                if (operation!["requestBody"] is not null) request.Content = new StringContent("{}", null, "application/json");
                using var response = await host.Http.SendAsync(request, cancel);
                var isRefused = (int)response.StatusCode == 401;
                Assert.True(isRefused == operation["security"] is not null, $"{method} {path} answers {(int)response.StatusCode} without a token");
                Assert.True(operation["responses"]![$"{(int)response.StatusCode}"] is not null, $"{method} {path}: {(int)response.StatusCode} is not described");
            }
        }
    }

    [Fact]
    public async Task What_refuses_a_stale_token_says_so_and_what_takes_a_body_says_that_it_may_come_too_slowly()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var document = JsonNode.Parse(await host.Http.GetStringAsync("/swagger/v1/swagger.json", cancel))!;
        var refusals = 0;
        foreach (var (path, methods) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in methods!.AsObject())
            {
                using var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), path.Replace("{id}", "1", StringComparison.Ordinal));
                request.Headers.TryAddWithoutValidation("Authorization", "Bearer stale");
                if (operation!["requestBody"] is not null) request.Content = new StringContent("{}", null, "application/json");
                using var response = await host.Http.SendAsync(request, cancel);
                if ((int)response.StatusCode == 401) refusals++;
                var described = operation["responses"]!;
                Assert.True(described[$"{(int)response.StatusCode}"] is not null, $"{method} {path}: {(int)response.StatusCode} is not described");
                Assert.True(operation["requestBody"] is null == described["408"] is null, $"{method} {path}: 408");
            }
        }
        // All but register, log in and the two of health.
        Assert.Equal(25, refusals);
    }

    [Fact]
    public async Task The_page_asks_for_nothing_from_elsewhere()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        foreach (var page in new[] { "/swagger/index.html", "/" })
        {
            var html = await host.Http.GetStringAsync(page, cancel);
            Assert.DoesNotContain("src=\"http", html, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("src=\"//", html, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("href=\"http", html, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task The_headers_of_protections_are_described_once_and_named_wherever_they_come()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path, "--Protection:RateLimit:ClientRate=500", "--Protection:Routes:GetPost:Rate=0.01", "--Protection:Routes:GetPost:Burst=1");
        var document = JsonNode.Parse(await host.Http.GetStringAsync("/swagger/v1/swagger.json", cancel))!;
        var headers = document["components"]!["headers"]!.AsObject();
        Assert.Equal(
            ["Age", "Cache-Status", "ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-FeedMall-Decision", "X-FeedMall-Degraded"],
            headers.Select(header => header.Key).Order(StringComparer.Ordinal));
        Assert.All(headers, header => Assert.True(header.Value!["description"] is not null && header.Value["example"] is not null, header.Key));
        Assert.Equal(["aid", "x1-mio-criticality", "x1-mio-timeout"], document["components"]!["parameters"]!.AsObject().Select(parameter => parameter.Key).Order(StringComparer.Ordinal));

        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (path, methods) in document["paths"]!.AsObject().Where(path => path.Key.StartsWith("/v1/", StringComparison.Ordinal)))
        {
            foreach (var (_, operation) in methods!.AsObject())
            {
                foreach (var status in new[] { "429", "503", "504" })
                    Assert.True(operation!["responses"]![status]?["content"]?["application/json"]?["example"] is not null, $"{path}: {status}");
                Assert.Equal(3, operation!["parameters"]!.AsArray().Count(parameter => parameter!["$ref"] is not null));
            }
            if (methods["get"] is not { } read) continue;
            // The second one comes from the cache, if there is one for it, or too soon.
            for (var i = 0; i < 2; i++)
            {
                using var response = await host.Http.GetAsync(path.Replace("{id}", "1", StringComparison.Ordinal), cancel);
                var described = read["responses"]![$"{(int)response.StatusCode}"]!["headers"]!.AsObject();
                foreach (var header in headers.Select(header => header.Key).Where(name => response.Headers.NonValidated.Contains(name)))
                {
                    seen.Add(header);
                    Assert.True(described[header]?["$ref"] is not null, $"{path} {(int)response.StatusCode}: {header} is not described");
                }
            }
        }
        Assert.Superset(new HashSet<string> { "Age", "Cache-Status", "RateLimit", "RateLimit-Policy", "Retry-After", "X-FeedMall-Decision" }, seen);
    }

    private static JsonNode Resolve(JsonNode node, JsonNode document) =>
        (string?)node["$ref"] is { } reference ? reference.TrimStart('#', '/').Split('/').Aggregate(document, (at, name) => at[name]!) : node;

    private static IEnumerable<string> Missing(JsonNode operation, JsonNode document)
    {
        foreach (var text in new[] { "summary", "description", "operationId" })
        {
            if (string.IsNullOrEmpty((string?)operation[text])) yield return text;
        }
        if (operation["tags"]?.AsArray().Count is null or 0) yield return "tags";
        foreach (var (type, body) in operation["requestBody"]?["content"]?.AsObject() ?? [])
        {
            if (body!["schema"] is null) yield return $"request schema of {type}";
            if (body["example"] is null) yield return $"request example of {type}";
        }
        foreach (var named in operation["parameters"]?.AsArray() ?? [])
        {
            var parameter = Resolve(named!, document);
            if (string.IsNullOrEmpty((string?)parameter["description"])) yield return $"description of parameter {parameter["name"]}";
            if (char.IsUpper(((string)parameter["name"]!)[0])) yield return $"parameter {parameter["name"]} in camelCase";
        }
        var responses = operation["responses"]!.AsObject();
        if (!responses.Any(response => response.Key[0] == '2')) yield return "a success";
        if (!responses.Any(response => response.Key[0] is '4' or '5')) yield return "a failure";
        foreach (var (status, response) in responses)
        {
            if (status == "304") continue;
            var content = response!["content"]?["application/json"];
            if (content?["schema"] is null) yield return $"schema of {status}";
            if (content?["example"] is null) yield return $"example of {status}";
        }
    }
}
