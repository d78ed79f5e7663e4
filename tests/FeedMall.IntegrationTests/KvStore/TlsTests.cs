using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FeedMall.IntegrationTests.Interop;
using FeedMall.Testing;
using StackExchange.Redis;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Clients that others wrote, over TLS. Each trusts one certificate and no other.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private KvHost _host = null!;
    private string _trusted = "", _strange = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        (_trusted, var key) = WriteCertificate("store");
        (_strange, _) = WriteCertificate("stranger");
        _host = await KvHost.StartAsync("--Kv:Tls=true", $"--Kv:CertificatePath={_trusted}", $"--Kv:CertificateKeyPath={key}", "--Kv:SendTimeout=00:00:01");
    }

    public async ValueTask DisposeAsync()
    {
        _host.Logs.AssertNoErrors();
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Redis_cli_reaches_it_with_the_right_authority_only()
    {
        Assert.Equal((0, "OK"), await CliAsync("--tls", "--cacert", _trusted, "set", "greeting", "hello"));
        Assert.Equal((0, "hello"), await CliAsync("--tls", "--cacert", _trusted, "-3", "get", "greeting"));
        var (code, output) = await CliAsync("--tls", "--cacert", _strange, "get", "greeting");
        Assert.NotEqual(0, code);
        Assert.Contains("certificate verify failed", output, StringComparison.Ordinal);
        // Without TLS it is not answered at all.
        Assert.DoesNotContain("hello", (await CliAsync("get", "greeting")).Output, StringComparison.Ordinal);
        Assert.Equal((0, "hello"), await CliAsync("--tls", "--cacert", _trusted, "get", "greeting"));
    }

    [Fact]
    public async Task StackExchange_Redis_reaches_it_with_the_right_certificate_only()
    {
        using (var redis = await ConnectionMultiplexer.ConnectAsync(Options(_trusted, seconds: 30)))
        {
            var database = redis.GetDatabase();
            var large = new string('x', 1_000_000);
            Assert.True(await database.StringSetAsync("large", large));
            Assert.True(large == (string?)await database.StringGetAsync("large"));
            var many = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => database.StringIncrementAsync("n")));
            Assert.Equal(Enumerable.Range(1, 1_000).Select(number => (long)number), many);
        }
        var refused = await Record.ExceptionAsync(() => ConnectionMultiplexer.ConnectAsync(Options(_strange, seconds: 5)));
        Assert.IsType<RedisConnectionException>(refused);
    }

    [Fact]
    public async Task Ioredis_gets_over_TLS_what_it_gets_without_and_nothing_from_a_stranger()
    {
        await using var plain = await KvHost.StartAsync();
        var (code, without) = await NodeAsync(plain.Port);
        Assert.Equal(0, code);
        Assert.Equal((0, without), await NodeAsync(_host.Port, _trusted));
        var (refused, output) = await NodeAsync(_host.Port, _strange);
        Assert.NotEqual(0, refused);
        Assert.DoesNotContain("\"name\"", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_does_not_take_its_replies_is_closed_over_TLS_too()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _host.Port, Cancel);
        var thumbprint = Thumbprint(_trusted);
        await using var stream = new SslStream(client.GetStream(), false, (_, shown, _, _) => shown?.GetCertHashString() == thumbprint);
        await stream.AuthenticateAsClientAsync("127.0.0.1");
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(RespConnection.Encode(["SET", "large", new string('x', 4_000_000)])), Cancel);
        Assert.Equal("+OK\r\n".Length, await stream.ReadAtLeastAsync(new byte[5], 5, cancellationToken: Cancel));
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET large\r\n", 20))), Cancel);
        await UntilAsync(async () => (await CliAsync("--tls", "--cacert", _trusted, "info", "clients")).Output.Contains("connected_clients:1\r", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_client_that_does_not_finish_its_handshake_is_closed_after_the_timeout_and_others_are_served()
    {
        await using var hasty = await KvHost.StartAsync("--Kv:Tls=true", $"--Kv:CertificatePath={_trusted}", $"--Kv:CertificateKeyPath={Path.ChangeExtension(_trusted, ".key")}", "--Kv:HandshakeTimeout=00:00:00.3");
        using var silent = new TcpClient();
        await silent.ConnectAsync(IPAddress.Loopback, hasty.Port, Cancel);
        // The type of a handshake's record, and nothing behind it.
        await silent.GetStream().WriteAsync(new byte[] { 0x16 }, Cancel);
        var began = Stopwatch.GetTimestamp();
        Assert.Equal(0, await silent.GetStream().ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancel));
        // The default is ten seconds.
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(8));
        Assert.Equal((0, "PONG"), await RunAsync("redis-cli", ["-p", Text(hasty.Port), "--tls", "--cacert", _trusted, "ping"]));
        hasty.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Without_its_files_it_does_not_start_and_says_which_are_missing()
    {
        var failure = await Record.ExceptionAsync(() => KvHost.StartAsync("--Kv:Tls=true"));
        Assert.Contains("Kv:CertificatePath", Assert.IsAssignableFrom<Exception>(failure).Message, StringComparison.Ordinal);
    }

    internal static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (var began = Stopwatch.GetTimestamp(); !await condition(); await Task.Delay(50, Cancel))
            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(60), "It does not come about.");
    }

    private ConfigurationOptions Options(string certificate, int seconds)
    {
        var thumbprint = Thumbprint(certificate);
        var options = new ConfigurationOptions { Ssl = true, SslHost = "127.0.0.1", AbortOnConnectFail = true, ConnectTimeout = 1000 * seconds, SyncTimeout = 1000 * seconds };
        options.EndPoints.Add(IPAddress.Loopback, _host.Port);
        options.CertificateValidation += (_, presented, _, _) => presented?.GetCertHashString() == thumbprint;
        return options;
    }

    private static string Thumbprint(string certificate)
    {
        using var read = X509CertificateLoader.LoadCertificateFromFile(certificate);
        return read.Thumbprint;
    }

    private Task<(int Code, string Output)> CliAsync(params string[] arguments) => RunAsync("redis-cli", ["-p", Text(_host.Port), .. arguments]);

    private static Task<(int Code, string Output)> NodeAsync(int port, params string[] authority) =>
        RunAsync("node", [Path.Combine(ForeignPrograms.Repository, "tests/FeedMall.IntegrationTests/node/kv-client.js"), Text(port), .. authority]);

    private static async Task<(int Code, string Output)> RunAsync(string program, IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        var output = await process.StandardOutput.ReadToEndAsync(Cancel) + await errors;
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, output.Trim('\n'));
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    private (string Certificate, string Key) WriteCertificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var (path, keyPath) = (Path.Combine(_folder.Path, name + ".pem"), Path.Combine(_folder.Path, name + ".key"));
        File.WriteAllText(path, certificate.ExportCertificatePem());
        File.WriteAllText(keyPath, key.ExportPkcs8PrivateKeyPem());
        return (path, keyPath);
    }
}
