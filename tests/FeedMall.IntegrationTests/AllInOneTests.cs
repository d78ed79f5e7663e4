using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Dapper;
using FeedMall.ServiceDefaults.Database;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests;

public sealed class AllInOneTests
{
    private readonly string _bff = FreePort.NextUrl();

    [Fact]
    public async Task One_command_brings_everything_up_with_demo_data_and_the_data_survives_a_restart()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        using var http = new HttpClient { BaseAddress = new Uri(_bff) };
        var story = new Story(http);
        await using (var first = Start(folder))
        {
            await first.WaitForLineAsync("Ctrl+C", cancel);
            Assert.Contains($"{_bff}/swagger", first.Output, StringComparison.Ordinal);
            Assert.True(await CountAsync(story, "/v1/feed/posts", cancel) >= 200);
            Assert.True(await CountAsync(story, "/v1/mall/shops", cancel) >= 20);
            Assert.True(await CountAsync(story, "/v1/mall/products", cancel) >= 200);
            Assert.True(await CountAsync(story, "/v1/mall/collections", cancel) >= 100);
            await story.WalkAsync(cancel);
            var (exitCode, took) = await first.InterruptAsync(cancel);
            Assert.True(exitCode == 0, first.Output);
            Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(5));
            Assert.True(File.Exists(Path.Combine(folder.Path, ".data", "feed.db")));
        }

        await using var second = Start(folder);
        await second.WaitForLineAsync("Ctrl+C", cancel);
        await story.ReadAgainAsync(cancel);
        Assert.DoesNotContain("240 posts", second.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Demo_data_that_was_cut_off_is_completed_and_nothing_comes_twice()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        using var http = new HttpClient { BaseAddress = new Uri(_bff) };
        var story = new Story(http);
        foreach (var line in new[] { "Loading demo data", "feed: 42 users", "Loading demo data" })
        {
            await using var cut = Start(folder);
            await cut.WaitForLineAsync(line, cancel);
            await cut.KillAsync();
        }
        await using (var completed = Start(folder)) await completed.WaitForLineAsync("mall: 24 shops", cancel);
        // What a kill between creating and publishing leaves.
        await ReadAsync<long>(folder, "mall", "UPDATE collections SET state = 1 WHERE id IN (SELECT id FROM collections ORDER BY id LIMIT 2) RETURNING id", cancel);
        File.Delete(Path.Combine(folder.Path, ".data", "demo-data-loaded"));
        await using var again = Start(folder);
        await again.WaitForLineAsync("Ctrl+C", cancel);
        Assert.Equal(240, await CountAsync(story, "/v1/feed/posts", cancel));
        Assert.Equal(24, await CountAsync(story, "/v1/mall/shops", cancel));
        Assert.Equal(216, await CountAsync(story, "/v1/mall/products", cancel));
        Assert.Equal(120, await CountAsync(story, "/v1/mall/collections", cancel));
        // The lists show what is published; the table has drafts too.
        Assert.Equal([120L], await ReadAsync<long>(folder, "mall", "SELECT COUNT(*) FROM collections", cancel));
        Assert.Equal([240L], await ReadAsync<long>(folder, "feed", "SELECT COUNT(*) FROM posts", cancel));
    }

    [Fact]
    public async Task Two_first_starts_give_the_same_order()
    {
        var cancel = TestContext.Current.CancellationToken;
        var orders = new List<string[]>();
        for (var i = 0; i < 2; i++)
        {
            using var folder = new TemporaryFolder();
            await using (var first = Start(folder)) await first.WaitForLineAsync("Ctrl+C", cancel);
            orders.Add([
                .. await ReadAsync<string>(folder, "feed", "SELECT name FROM users ORDER BY id", cancel),
                .. await ReadAsync<string>(folder, "feed", "SELECT title FROM posts ORDER BY id", cancel),
                .. await ReadAsync<string>(folder, "mall", "SELECT name FROM shops ORDER BY id", cancel),
                .. await ReadAsync<string>(folder, "mall", "SELECT title FROM products ORDER BY id", cancel),
                .. await ReadAsync<string>(folder, "mall", "SELECT title FROM collections ORDER BY id", cancel)]);
        }
        Assert.Equal(42 + 240 + 24 + 216 + 120, orders[0].Length);
        Assert.Equal(orders[0], orders[1]);
    }

    [Fact]
    public async Task A_demo_name_that_somebody_has_leaves_the_demo_data_out_and_everything_runs()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        using var http = new HttpClient { BaseAddress = new Uri(_bff) };
        await using (var first = Start(folder, "--AllInOne:DemoData=false"))
        {
            await first.WaitForLineAsync("Ctrl+C", cancel);
            using var registered = await http.PostAsJsonAsync("/v1/auth/register", new { name = "ada", password = "another password" }, cancel);
            Assert.Equal(HttpStatusCode.Created, registered.StatusCode);
        }
        await using var second = Start(folder);
        await second.WaitForLineAsync("Ctrl+C", cancel);
        Assert.Contains("\"ada\" is there already with another password", second.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("feedmall-demo", second.Output, StringComparison.Ordinal);
        using var ready = await http.GetAsync("/readyz", cancel);
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
    }

    [Fact]
    public async Task A_taken_port_is_one_clear_line()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        using var squatter = new TcpListener(IPAddress.Loopback, new Uri(_bff).Port);
        squatter.Start();
        await using var blocked = Start(folder);
        Assert.NotEqual(0, await blocked.WaitForExitAsync(cancel));
        var line = Assert.Single(blocked.Output.Split('\n'), line => line.Contains("taken", StringComparison.Ordinal));
        Assert.Contains($"{new Uri(_bff).Port}", line, StringComparison.Ordinal);
        Assert.Contains("Bff:Url", line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", blocked.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_stops_within_5_seconds_though_every_port_has_half_a_request_open()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        string[] governors = [FreePort.NextUrl(), FreePort.NextUrl(), FreePort.NextUrl()];
        await using var running = Start(folder, "--AllInOne:DemoData=false",
            $"--Bff:GovernorUrl={governors[0]}", $"--Feed:GovernorUrl={governors[1]}", $"--Mall:GovernorUrl={governors[2]}");
        await running.WaitForLineAsync("Ctrl+C", cancel);
        var open = new List<TcpClient>();
        try
        {
            foreach (var url in governors.Append(_bff))
            {
                var connection = new TcpClient();
                open.Add(connection);
                await connection.ConnectAsync(IPAddress.Loopback, new Uri(url).Port, cancel);
                // A whole request and its answer first: then the server surely has the connection when the half one comes.
                await connection.GetStream().WriteAsync("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /v1"u8.ToArray(), cancel);
                Assert.True(await connection.GetStream().ReadAsync(new byte[1024], cancel) > 0);
            }
            var (exitCode, took) = await running.InterruptAsync(cancel);
            Assert.True(exitCode == 0, running.Output);
            Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        }
        finally
        {
            open.ForEach(connection => connection.Dispose());
        }
    }

    [Fact]
    public async Task Interrupted_while_it_starts_it_ends_cleanly()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        // A database that takes connections and never says a word holds the start of the mall for as long as it likes.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var starting = Start(folder, $"--Mall:Database=Host=127.0.0.1;Port={((IPEndPoint)silent.LocalEndpoint).Port};Username=a;Password=b");
        using var connection = await silent.AcceptTcpClientAsync(cancel);
        await AssertInterruptedCleanlyAsync(starting, cancel);
    }

    [Fact]
    public async Task Interrupted_while_it_loads_the_demo_data_it_ends_cleanly()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var loading = Start(folder);
        await loading.WaitForLineAsync("Loading demo data", cancel);
        await AssertInterruptedCleanlyAsync(loading, cancel);
    }

    private static async Task AssertInterruptedCleanlyAsync(ServiceProcess process, CancellationToken cancel)
    {
        var (exitCode, took) = await process.InterruptAsync(cancel);
        Assert.True(exitCode == 0, process.Output);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.EndsWith("Stopping …", process.Output.TrimEnd(), StringComparison.Ordinal);
    }

    private static async Task<IEnumerable<T>> ReadAsync<T>(TemporaryFolder folder, string service, string sql, CancellationToken cancel)
    {
        await using var database = ServiceDatabase.Open($"{service}.db", Path.Combine(folder.Path, ".data"));
        return await database.ReadAsync(connection => connection.QueryAsync<T>(sql), cancel);
    }

    private ServiceProcess Start(TemporaryFolder folder, params string[] settings) => ServiceProcess.Start("AllInOne", folder.Path, [
        $"--Bff:Url={_bff}", "--Feed:Url=http://127.0.0.1:0", "--Mall:Url=http://127.0.0.1:0",
        "--Bff:GovernorUrl=", "--Feed:GovernorUrl=", "--Mall:GovernorUrl=", "--Kv:GovernorUrl=", "--Kv:Port=0", .. FeedMallHost.PatientBff, .. settings]);

    private static async Task<int> CountAsync(Story story, string path, CancellationToken cancel)
    {
        var count = 0;
        var cursor = "";
        while (true)
        {
            var page = await story.GetAsync($"{path}?limit=100{cursor}", cancel);
            count += page["items"]!.AsArray().Count;
            if ((string?)page["nextCursor"] is not { } next) return count;
            cursor = $"&cursor={Uri.EscapeDataString(next)}";
        }
    }
}
