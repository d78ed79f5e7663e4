using System.Text.Json.Nodes;
using FeedMall.Testing;
using Microsoft.Playwright;
using Xunit;

namespace FeedMall.BrowserTests;

/// <summary>The Swagger page as a person uses it, in the system's own Chromium.</summary>
public sealed class SwaggerPageTests
{
    private const string Chromium = "/usr/bin/chromium";

    private static readonly string[] Flags =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    [Fact]
    public async Task An_operation_is_expanded_executed_from_the_page_and_answers()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium, Args = Flags });
        var page = await browser.NewPageAsync();
        var foreign = new List<string>();
        var errors = new List<string>();
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(host.Http.BaseAddress!.ToString(), StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal))
                foreign.Add(request.Url);
        };
        page.PageError += (_, error) => errors.Add(error);

        // From the start page, as a person who opened the address would come.
        await page.GotoAsync(host.Http.BaseAddress!.ToString());
        await page.GetByRole(AriaRole.Link, new() { Name = "Swagger" }).ClickAsync();
        var home = page.Locator("#operations-Pages-GetHome");
        await home.Locator(".opblock-summary-control").ClickAsync();
        await home.GetByRole(AriaRole.Button, new() { Name = "Try it out" }).ClickAsync();
        await home.GetByRole(AriaRole.Button, new() { Name = "Execute" }).ClickAsync();

        var live = home.Locator(".live-responses-table");
        await Assertions.Expect(live.Locator(".response-col_status").Last).ToContainTextAsync("200");
        var answer = JsonNode.Parse(await live.Locator(".response .highlight-code code").First.InnerTextAsync())!;
        Assert.Equal("success", (string?)answer["message"]);
        Assert.Empty(answer["data"]!["degraded"]!.AsArray());
        Assert.Empty(foreign);
        Assert.Empty(errors);
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_token_from_the_log_in_opens_the_routes_that_need_one()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        using var register = new StringContent("""{"name":"grace","password":"a-long-password"}""", null, "application/json");
        (await host.Http.PostAsync("/v1/auth/register", register, cancel)).EnsureSuccessStatusCode();
        using var logIn = new StringContent("""{"name":"grace","password":"a-long-password"}""", null, "application/json");
        var token = (string)JsonNode.Parse(await (await host.Http.PostAsync("/v1/auth/login", logIn, cancel)).Content.ReadAsStringAsync(cancel))!["data"]!["token"]!;

        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium, Args = Flags });
        var page = await browser.NewPageAsync();
        await page.GotoAsync(new Uri(host.Http.BaseAddress!, "/swagger").ToString());
        await page.Locator(".auth-wrapper .authorize").First.ClickAsync();
        await page.Locator(".auth-container input").FillAsync(token);
        await page.Locator(".auth-container .authorize").ClickAsync();
        await page.Locator(".auth-container .btn-done").ClickAsync();

        // The example in the page is a whole, valid post: it is sent as it stands.
        var create = page.Locator("#operations-Feed-CreatePost");
        await create.Locator(".opblock-summary-control").ClickAsync();
        await create.GetByRole(AriaRole.Button, new() { Name = "Try it out" }).ClickAsync();
        await create.GetByRole(AriaRole.Button, new() { Name = "Execute" }).ClickAsync();
        await Assertions.Expect(create.Locator(".live-responses-table .response-col_status").Last).ToContainTextAsync("201");
    }
}
