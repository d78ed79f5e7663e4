using System.Diagnostics;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests;

/// <summary>What the README tells a newcomer to type works as it stands there.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public async Task The_short_tour_works()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var bff = FreePort.NextUrl();
        await using var everything = ServiceProcess.Start("AllInOne", folder.Path, $"--Bff:Url={bff}", $"--Feed:Url={FreePort.NextUrl()}",
            $"--Mall:Url={FreePort.NextUrl()}", "--Bff:GovernorUrl=", "--Feed:GovernorUrl=", "--Mall:GovernorUrl=", "--Kv:GovernorUrl=", "--Kv:Port=0", "--AllInOne:DemoData=false");
        await everything.WaitForLineAsync("FeedMall is up", cancel);

        var readme = await File.ReadAllTextAsync(Path.Combine(Root(), "README.md"), cancel);
        var tour = readme.Split("```sh\n").Skip(1).Select(block => block.Split("```")[0]).Single(block => block.Contains("/v1/auth/register", StringComparison.Ordinal));
        Assert.Contains("http://127.0.0.1:8080", tour, StringComparison.Ordinal);
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-euo", "pipefail", "-c", tour.Replace("http://127.0.0.1:8080", bff, StringComparison.Ordinal)])
        {
            RedirectStandardOutput = true,
        })!;
        var output = await bash.StandardOutput.ReadToEndAsync(cancel);
        await bash.WaitForExitAsync(cancel);

        Assert.Equal(0, bash.ExitCode);
        Assert.DoesNotContain("\"reason\"", output, StringComparison.Ordinal);
        Assert.Contains("\"likeCount\":1}", output, StringComparison.Ordinal);
        Assert.Contains("\"title\":\"Hello\"", output, StringComparison.Ordinal);
        Assert.Contains("\"degraded\":[]", output, StringComparison.Ordinal);
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "FeedMall.sln"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
