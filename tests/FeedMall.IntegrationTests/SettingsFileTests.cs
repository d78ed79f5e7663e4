using System.Net;
using System.Text.Json;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Microsoft.Extensions.Options;
using Xunit;

namespace FeedMall.IntegrationTests;

public sealed class SettingsFileTests
{
    // What is saved, and what the log then says.
    private static readonly (string File, string Named)[] s_bad =
    [
        ("""{ "Bff": { "RequestTimeout": "00:01:39" } }""", "Bff:RequestTimeout must be"),
        ("""{ "Bff": { "RequestTimeout": "abc" } }""", "'abc' at 'Bff:RequestTimeout'"),
        ("""{ "Bff": { "RequestTi""", "bff.json cannot be read"),
        ("""{ "Protection": { "Routes": { "GetPots": { "Rate": 5 } } } }""", "Protection:Routes:GetPots: there is no such route"),
        ("""{ "Protection": { "Admision": { "Ceiling": 7 } } }""", "Admision"),
        ("""{ "Protection": { "Dependencies": { "Methods": { "Posts/Get": { "Timeout": "00:00:01" } } } } }""", "Methods:Posts/Get must be the name"),
        ("""{ "Protection": { "Routes": { "GetPost": { "Raet": 5 } } } }""", "Raet"),
        ("""{ "Protection": { "Routes": { "GetPost": { "Rate": "many" } } } }""", "Protection:Routes:GetPost:Rate"),
        // What is good in a file that is not good is not taken over either.
        ("""{ "Protection": { "Admission": { "Ceiling": 7 } }, "Bff": { "TokenLifetime": "00:00:01" } }""", "Bff:TokenLifetime must be"),
        ("""{ "Protection": { "Admission": { "Ceiling": 7 }, "RateLimit": { "ClientRate": -1 } }, "Bff": { "RequestTimeout": "00:00:02" } }""", "Protection:RateLimit:ClientRate must be"),
    ];

    [Fact]
    public async Task A_bad_settings_file_saved_while_the_Bff_runs_breaks_no_route_and_a_good_one_is_taken_over()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var program = CopyOfBff(folder);
        var settings = Path.Combine(Path.GetDirectoryName(program)!, "bff.json");
        var (url, governor) = (FreePort.NextUrl(), FreePort.NextUrl());
        // Port 9 of the loopback interface: nobody is there, and /healthz needs nobody.
        await SaveAsync(settings, """{ "Bff": { "FeedAddresses": "http://127.0.0.1:9", "MallAddresses": "http://127.0.0.1:9" } }""", cancel);
        await using var bff = ServiceProcess.Start(program, folder.Path, $"--Bff:Url={url}", $"--Bff:GovernorUrl={governor}", $"--DataDirectory={folder.Path}");
        await bff.WaitForLineAsync("listens on", cancel);
        using var http = new HttpClient { BaseAddress = new Uri(url) };

        foreach (var (bad, named) in s_bad)
        {
            await SaveAsync(settings, bad, cancel);
            var line = await bff.WaitForLineAsync(named, cancel);
            Assert.Equal("warn", JsonDocument.Parse(line).RootElement.GetProperty("lv").GetString());
            using var health = await http.GetAsync("/healthz", cancel);
            Assert.Equal(HttpStatusCode.OK, health.StatusCode);
            Assert.Equal(512, await CeilingAsync());
        }

        await SaveAsync(settings, """{ "Protection": { "Admission": { "Ceiling": 7 } }, "Logging": { "LogLevel": { "Microsoft.AspNetCore.Hosting": "Information" } } }""", cancel);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(TimeSpan.FromMinutes(2));
        while (!bff.Output.Contains("Request starting", StringComparison.Ordinal))
        {
            using var health = await http.GetAsync("/healthz", timeout.Token);
            await Task.Delay(50, timeout.Token);
        }
        Assert.Equal(7, await CeilingAsync());
        // A file that is gone has said nothing.
        File.Delete(settings);
        await bff.WaitForLineAsync("was not found", cancel);
        Assert.Equal(7, await CeilingAsync());
        // A switch, for example: the feed is not there, and then it is not asked any more.
        Assert.DoesNotContain("DEGRADED", await ReadAsync("/v1/feed/posts"), StringComparison.Ordinal);
        await SaveAsync(settings, """{ "Protection": { "Routes": { "ListPosts": { "Degrade": "forced" } } } }""", cancel);
        while (!(await ReadAsync("/v1/feed/posts")).Contains("DEGRADED", StringComparison.Ordinal)) await Task.Delay(50, timeout.Token);
        Assert.DoesNotContain("\"lv\":\"error\"", bff.Output, StringComparison.Ordinal);

        async Task<string> ReadAsync(string path)
        {
            using var response = await http.GetAsync(path, timeout.Token);
            return await response.Content.ReadAsStringAsync(timeout.Token);
        }

        async Task<int> CeilingAsync() => JsonDocument.Parse(await http.GetStringAsync($"{governor}/governor/protection", cancel))
            .RootElement.GetProperty("options").GetProperty("admission").GetProperty("ceiling").GetInt32();
    }

    [Theory]
    [InlineData("--Protection:Routes:GetPots:Rate=5", "Protection:Routes:GetPots: there is no such route.")]
    [InlineData("--Protection:Admision:Ceiling=5", "Admision")]
    public async Task A_Bff_with_a_setting_that_nobody_has_does_not_start_and_names_it(string setting, string named)
    {
        using var folder = new TemporaryFolder();
        await using var bff = FeedMall.Bff.BffApp.Build(["--Bff:Url=http://127.0.0.1:0", "--Bff:GovernorUrl=", $"--DataDirectory={folder.Path}", "--Bff:Cache:Enabled=false", setting]);
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => bff.StartServiceAsync(TestContext.Current.CancellationToken));
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
        Assert.True(refused is OptionsValidationException or InvalidOperationException, refused.ToString());
    }

    // Written aside and moved, so that no half-written file is ever read.
    private static async Task SaveAsync(string path, string text, CancellationToken cancel)
    {
        await File.WriteAllTextAsync(path + ".new", text, cancel);
        File.Move(path + ".new", path, overwrite: true);
    }

    // Its settings lie beside the program, where every test's Bff reads them: this one needs a place of its own.
    private static string CopyOfBff(TemporaryFolder folder)
    {
        var place = Directory.CreateDirectory(Path.Combine(folder.Path, "program")).FullName;
        foreach (var entry in new DirectoryInfo(AppContext.BaseDirectory).EnumerateFileSystemInfos())
        {
            var target = Path.Combine(place, entry.Name);
            if (entry.Name.StartsWith("Bff.", StringComparison.Ordinal)) File.Copy(entry.FullName, target);
            else if (entry.Name != "bff.json") File.CreateSymbolicLink(target, entry.FullName);
        }
        return Path.Combine(place, "Bff");
    }
}
