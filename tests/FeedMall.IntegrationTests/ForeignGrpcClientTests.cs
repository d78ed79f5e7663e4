using System.Diagnostics;
using System.Text.Json;
using FeedMall.Domain.Feed;
using FeedMall.IntegrationTests.Interop;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests;

/// <summary>
/// Node's @grpc/grpc-js against Domain.Feed: what our runtime says on the wire is understood by an implementation that is not ours.
/// Needs the packages of the folder node: test.sh installs them with "npm ci".
/// </summary>
public sealed class ForeignGrpcClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_client_that_is_not_ours_can_do_all_that_ours_can()
    {
        var token = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var url = FreePort.NextUrl();
        await using var feed = FeedApp.Build(
            [$"--Feed:Url={url}", $"--Feed:GovernorUrl={FreePort.NextUrl()}", $"--DataDirectory={folder.Path}"]);
        await feed.StartAsync(token);

        var cases = await RunAsync(new Uri(url).Authority, token);

        var uid = Text(cases["register"], "uid");
        Assert.Equal("node-client", Text(cases["register"], "name"));

        Assert.Equal(16, Code(cases["metadata-missing"]));
        Assert.Equal("UNAUTHENTICATED", Text(cases["metadata-missing"].GetProperty("info"), "reason"));
        Assert.Equal((uid, "Grüße ☺", 0), (Text(cases["metadata"], "uid"), Text(cases["metadata"], "title"), Code(cases["metadata"])));
        Assert.Equal("application/grpc", Text(cases["metadata"], "contentType"));
        Assert.Matches(@"^rpc;dur=\d+(\.\d+)?$", Text(cases["metadata"], "serverTiming"));

        Assert.True(cases["unary"].GetProperty("same").GetBoolean());
        Assert.Equal("from Node", Text(cases["unary"], "content"));

        var info = cases["error-info"].GetProperty("info");
        Assert.Equal((5, 5), (Code(cases["error-info"]), Code(info)));
        Assert.Equal(("FEED_POST_NOT_FOUND", "feedmall.feed.v1.Posts"), (Text(info, "reason"), Text(info, "domain")));

        Assert.Equal((0, 31, true), (
            Code(cases["server-streaming"]), cases["server-streaming"].GetProperty("count").GetInt32(),
            cases["server-streaming"].GetProperty("hasAll").GetBoolean()));
        Assert.Equal((0, 7), (Code(cases["server-streaming-limited"]), cases["server-streaming-limited"].GetProperty("count").GetInt32()));

        Assert.Equal(4, Code(cases["deadline"]));
        Assert.Equal((1, 1), (Code(cases["cancel"]), cases["cancel"].GetProperty("received").GetInt32()));
        Assert.Equal(12, Code(cases["unknown-method"]));
        Assert.Equal(("SERVING", "SERVING"), (Text(cases["health"], "whole"), Text(cases["health"], "one")));
        Assert.Equal(5, cases["health"].GetProperty("none").GetInt32());
    }

    private static async Task<Dictionary<string, JsonElement>> RunAsync(string address, CancellationToken cancellationToken)
    {
        var repository = ForeignPrograms.Repository;
        var script = Path.Combine(repository, "tests", "FeedMall.IntegrationTests", "node", "feed-client.js");
        Assert.True(Directory.Exists(Path.Combine(Path.GetDirectoryName(script)!, "node_modules")), $"Run 'npm ci' beside {script}, or ./test.sh.");
        using var node = Process.Start(new ProcessStartInfo("node", [script, address, repository]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var output = node.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = node.StandardError.ReadToEndAsync(cancellationToken);
            await node.WaitForExitAsync(cancellationToken).WaitAsync(Patience, cancellationToken);
            Assert.True(node.ExitCode == 0, $"{await errors}\n{await output}");
            return (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement)
                .ToDictionary(element => Text(element, "case"));
        }
        finally
        {
            if (!node.HasExited) node.Kill(entireProcessTree: true);
        }
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static int Code(JsonElement element) => element.GetProperty("code").GetInt32();
}
