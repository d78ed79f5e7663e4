using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Bff;

/// <summary>How bodies come in and answers go out, over a real connection. No domain service runs: nothing here gets that far.</summary>
public sealed class BodyTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private FeedMallHost _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await FeedMallHost.StartBffAsync(_folder.Path, new Uri(FreePort.NextUrl()), new Uri(FreePort.NextUrl()), "--Bff:AuthTimeout=00:00:00.300");

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("application/json; charset=bogus", null)]
    [InlineData("application/json; charset=utf-7", null)]
    [InlineData("application/json; charset=utf-16", null)]
    [InlineData("application/json; charset=\"\"", null)]
    [InlineData("application/json", "gzip")]
    public async Task A_body_in_another_encoding_is_415(string type, string? encoding) =>
        await RefusedAsync("{}"u8.ToArray(), type, encoding, HttpStatusCode.UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE");

    [Theory]
    [InlineData("application/json; charset=utf-8")]
    [InlineData("application/json; charset=\"UTF-8\"")]
    [InlineData("application/problem+json")]
    public async Task A_body_that_says_that_it_is_UTF_8_is_read(string type) =>
        await RefusedAsync("{}"u8.ToArray(), type, null, HttpStatusCode.BadRequest, "VALIDATION_FAILED", "name");

    [Fact]
    public async Task Bytes_that_are_no_UTF_8_are_400_wherever_they_stand()
    {
        await RefusedAsync([.. "{\""u8, 0xC3, 0x28, .. "\":1}"u8], "application/json", null, HttpStatusCode.BadRequest, "VALIDATION_FAILED", "body");
        await RefusedAsync([.. "{\"a\":\""u8, 0xFF, .. "\"}"u8], "application/json", null, HttpStatusCode.BadRequest, "VALIDATION_FAILED", "body");
    }

    [Fact]
    public async Task A_body_that_does_not_come_is_408_when_the_time_is_up()
    {
        using var caller = await SendHeadAsync();
        var answer = await ReadAsync(caller);
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"reason\":\"REQUEST_TIMEOUT\"", answer, StringComparison.Ordinal);
        _host.Logs.AssertNoErrors();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_caller_who_goes_away_in_the_middle_of_a_body_is_no_defect_of_ours(bool reset)
    {
        for (var i = 0; i < 10; i++)
        {
            using var caller = await SendHeadAsync();
            if (reset) caller.LingerState = new LingerOption(true, 0);
        }
        // Stopping waits for the requests that still run, so everything that they log is there.
        await _host.Bff.StopAsync(TestContext.Current.CancellationToken);
        _host.Logs.AssertNoErrors();
    }

    [Theory]
    [InlineData("/healthz")]
    [InlineData("/readyz")]
    [InlineData("/v1/feed/posts")]
    [InlineData("/v1/feed/posts/1")]
    public async Task An_answer_that_is_too_late_is_one_failure_and_not_two_answers(string path)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("x1-mio-timeout", "0");
        using var response = await _host.Http.SendAsync(request, cancel);
        var failure = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel))!;
        Assert.Equal(HttpStatusCode.GatewayTimeout, response.StatusCode);
        Assert.Equal(504, (int?)failure["code"]);
        Assert.StartsWith("DEADLINE_", (string?)failure["reason"], StringComparison.Ordinal);
        _host.Logs.AssertNoErrors();
    }

    private async Task RefusedAsync(byte[] body, string type, string? encoding, HttpStatusCode status, string reason, string? field = null)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        if (encoding is not null) content.Headers.ContentEncoding.Add(encoding);
        using var response = await _host.Http.PostAsync("/v1/auth/register", content, cancel);
        var failure = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel))!;
        Assert.Equal((status, reason), (response.StatusCode, (string?)failure["reason"]));
        if (field is not null) Assert.NotNull(failure["metadata"]![field]);
        _host.Logs.AssertNoErrors();
    }

    // The head of a request and, once the service waits for its body, the first byte of it.
    private async Task<Socket> SendHeadAsync()
    {
        var cancel = TestContext.Current.CancellationToken;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, _host.Http.BaseAddress!.Port, cancel);
        var head = "POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(head), cancel);
        var buffer = new byte[100];
        var read = await socket.ReceiveAsync(buffer, cancel);
        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", Encoding.ASCII.GetString(buffer, 0, read));
        await socket.SendAsync("{"u8.ToArray(), cancel);
        return socket;
    }

    private static async Task<string> ReadAsync(Socket socket)
    {
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        // To the end of the envelope: the server may wait for the rest of the body, and then reset the line.
        while (!answer.ToString().EndsWith('}'))
        {
            var read = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            if (read == 0) break;
            answer.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
        return answer.ToString();
    }
}
