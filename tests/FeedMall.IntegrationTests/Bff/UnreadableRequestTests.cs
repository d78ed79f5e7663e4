using System.Net.Sockets;
using System.Text;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.Bff;

/// <summary>What the server refuses before the pipeline sees a request: docs/TELEMETRY.md promises a status, no envelope and nothing of our inside.</summary>
public sealed class UnreadableRequestTests
{
    private static readonly string s_long = new('x', 20_000);

    [Fact]
    public async Task A_request_that_the_server_cannot_read_gets_a_bare_status_and_the_connection_ends()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartBffAsync(folder.Path, new Uri(FreePort.NextUrl()), new Uri(FreePort.NextUrl()));
        (string Request, int Status)[] rows =
        [
            ("GET /v1/feed/posts/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /healthz HTTP/1.1\r\n\r\n", 400),
            ("nonsense\r\n\r\n", 400),
            ("GET /healthz HTTP/1.1\r\nHost: a\r\ntraceparent: é\r\n\r\n", 400),
            ($"GET /{s_long[..10_000]} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            ($"GET /healthz HTTP/1.1\r\nHost: a\r\nx: {s_long}\r\n\r\n", 431),
            ("GET /healthz HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ];
        foreach (var (request, status) in rows)
        {
            var answer = await SendAsync(host.Http.BaseAddress!, request, cancel);
            Assert.True(answer.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), $"{request}\n{answer}");
            Assert.Contains("Content-Length: 0\r\n", answer, StringComparison.Ordinal);
            Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
        }
        host.Logs.AssertNoErrors();
    }

    private static async Task<string> SendAsync(Uri address, string request, CancellationToken cancel)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, cancel);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), cancel);
        using var answer = new StreamReader(stream, Encoding.ASCII);
        return await answer.ReadToEndAsync(cancel);
    }
}
