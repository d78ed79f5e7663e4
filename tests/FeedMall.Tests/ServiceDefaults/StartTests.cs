using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FeedMall.Bff;
using FeedMall.Domain.Mall;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults;

public sealed class StartTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string[]> BadSettings => new()
    {
        { "--Mall:Url=8082", ["Mall:Url", "'8082'"] },
        { "--Mall:Url=http://example.com:8082", ["Mall:Url"] },
        { "--Mall:Url=https://127.0.0.1:0", ["Mall:CertificatePath"] },
        { "--Mall:GovernorUrl=nonsense", ["Mall:GovernorUrl"] },
        { "--Log:Format=xml", ["Log:Format must be json or text"] },
        { "--Otlp:Endpoint=nowhere", ["Otlp:Endpoint"] },
        { "--Mall:IdWorker=1024", ["Mall:IdWorker must be a number from 0 to 1023"] },
        { "--Mall:Database=", ["Mall:Database"] },
        { "--Mall:Database=Host=127.0.0.1;Port=1;Timeout=2;Username=a;Password=geheim", ["The database cannot be used"] },
        { "--Mall:Database=Server=127.0.0.1;Port=1;Timeout=2;Username=a;Password=geheim", ["The database cannot be used"] },
        { "--Mall:Database=Username=a;Password=geheim", ["Mall:Database must be"] },
        { "--Mall:Database=Host=127.0.0.1;Password=geheim;Bogus=1", ["Mall:Database must be"] },
        { "--Mall:Database=Host=127.0.0.1;Password=geheim;Port=x", ["Mall:Database must be"] },
        { "--Mall:Database=Data Source=mall.db;Password=geheim", ["Mall:Database must be"] },
        { "--Mall:Database=postgres://a:geheim@127.0.0.1/x", ["Mall:Database must be"] },
        { "--Mall:IdWorker=abc", ["'abc'", "Mall:IdWorker"] },
        { "--Telemetry:Traces=perhaps", ["'perhaps'", "Telemetry:Traces"] },
        { "--Logging:LogLevel:Default=Foo", ["'Foo'"] },
        { "-x=1", ["-x=1"] },
        { "--DataDirectory=/etc/hostname", ["DataDirectory must name a folder"] },
        { "--DataDirectory=/etc/hostname/below", ["/etc/hostname/below"] },
        { "--Mall:Url=http://192.0.2.1:8082", ["Cannot listen on http://192.0.2.1:8082/", "--Mall:Url="] },
    };

    [Theory]
    [MemberData(nameof(BadSettings))]
    public async Task A_bad_setting_ends_the_start_with_one_line_that_names_it(string setting, string[] expected)
    {
        var line = await FailedStartAsync(setting);
        foreach (var part in expected) Assert.Contains(part, line, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", line, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path, "*geheim*"));
    }

    [Fact]
    public async Task Bad_settings_of_two_sections_are_named_in_one_line()
    {
        var line = await FailedStartAsync("--Otlp:Endpoint=nowhere", "--Log:Format=xml");
        Assert.Contains("Otlp:Endpoint", line, StringComparison.Ordinal);
        Assert.Contains("Log:Format", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_for_tokens_that_is_a_file_is_no_matter_of_the_port()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "bff-keys"), "", TestContext.Current.CancellationToken);
        using var errors = new StringWriter();
        Assert.Equal(1, await ServiceRunner.RunAsync(BffApp.Build, [$"--DataDirectory={_folder.Path}", "--Bff:Url=http://127.0.0.1:0", "--Bff:GovernorUrl="], errors));
        Assert.Contains("bff-keys", errors.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("listen", errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_told_to_stop_while_it_starts_ends_with_0_and_says_nothing()
    {
        using var errors = new StringWriter();
        Assert.Equal(0, await ServiceRunner.RunAsync(args =>
        {
            var mall = MallApp.Build(args);
            mall.Lifetime.StopApplication();
            return mall;
        }, Arguments(), errors));
        Assert.Equal("", errors.ToString());
    }

    [Fact]
    public Task A_defect_of_ours_keeps_its_stack_trace() =>
        Assert.ThrowsAsync<InvalidOperationException>(() =>
            ServiceRunner.GuardAsync(() => throw new InvalidOperationException("Ours."), TextWriter.Null));

    [Theory]
    [InlineData("Mall:Url")]
    [InlineData("Mall:GovernorUrl")]
    public async Task A_taken_port_is_one_line_with_the_port_and_the_option(string option)
    {
        using var squatter = new TcpListener(IPAddress.Loopback, 0);
        squatter.Start();
        var port = ((IPEndPoint)squatter.LocalEndpoint).Port;
        var line = await FailedStartAsync($"--{option}=http://127.0.0.1:{port}");
        Assert.Contains($"Port {port} is taken", line, StringComparison.Ordinal);
        Assert.Contains($"--{option}=", line, StringComparison.Ordinal);
        Assert.Contains(option.Replace(":", "__", StringComparison.Ordinal), line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_https_address_serves_TLS_with_the_given_PEM_files()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var (certificatePath, keyPath) = (Path.Combine(_folder.Path, "cert.pem"), Path.Combine(_folder.Path, "key.pem"));
        await File.WriteAllTextAsync(certificatePath, certificate.ExportCertificatePem(), cancel);
        await File.WriteAllTextAsync(keyPath, key.ExportPkcs8PrivateKeyPem(), cancel);

        await using var mall = MallApp.Build(Arguments("--Mall:Url=https://127.0.0.1:0", $"--Mall:CertificatePath={certificatePath}", $"--Mall:CertificateKeyPath={keyPath}"));
        await mall.StartServiceAsync(cancel);
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, mall.Address().Port, cancel);
        await using var tls = new SslStream(tcp.GetStream(), false, (_, presented, _, _) => presented!.GetCertHashString() == certificate.GetCertHashString());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", ApplicationProtocols = [SslApplicationProtocol.Http2] }, cancel);
        Assert.Equal(SslApplicationProtocol.Http2, tls.NegotiatedApplicationProtocol);
    }

    [Fact]
    public async Task A_probe_ends_with_0_when_the_address_answers_and_with_1_and_a_line_when_not()
    {
        await using var mall = MallApp.Build(Arguments("--Mall:Url=http://127.0.0.1:0", "--Mall:GovernorUrl=http://127.0.0.1:0"));
        await mall.StartServiceAsync(TestContext.Current.CancellationToken);
        using var errors = new StringWriter();
        Assert.Equal(0, await ServiceRunner.RunAsync(Unused, ["--probe", new Uri(mall.GovernorAddress()!, "readyz").ToString()], errors));
        Assert.Equal("", errors.ToString());
        Assert.Equal(1, await ServiceRunner.RunAsync(Unused, ["--probe", FreePort.NextUrl()], errors));
        Assert.Equal(1, await ServiceRunner.RunAsync(Unused, ["--probe", "nonsense"], errors));
        Assert.Equal(2, errors.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void The_environment_wins_over_the_settings_file_and_the_command_line_over_both()
    {
        // Of the whole process, but no other test cares which worker number its ids carry.
        Environment.SetEnvironmentVariable("Mall__IdWorker", "78");
        try
        {
            Assert.Equal("78", SettingsOf(Arguments())["Mall:IdWorker"]);
            Assert.Equal("77", SettingsOf(Arguments("--Mall:IdWorker=77"))["Mall:IdWorker"]);
        }
        finally
        {
            Environment.SetEnvironmentVariable("Mall__IdWorker", null);
        }
        Assert.Equal("2", SettingsOf(Arguments())["Mall:IdWorker"]);
        Assert.Equal("mall.db", SettingsOf(Arguments())["Mall:Database"]);
    }

    public void Dispose() => _folder.Dispose();

    private static IConfiguration SettingsOf(string[] arguments)
    {
        using var mall = (IDisposable)MallApp.Build(arguments);
        return ((WebApplication)mall).Configuration;
    }

    private static WebApplication Unused(string[] args) => throw new InvalidOperationException("A probe starts nothing.");

    private string[] Arguments(params string[] settings) =>
        [$"--DataDirectory={_folder.Path}", "--Mall:Url=http://127.0.0.1:0", "--Mall:GovernorUrl=", "--Log:Format=text", "--Logging:LogLevel:Default=Warning", .. settings];

    private async Task<string> FailedStartAsync(params string[] settings)
    {
        using var errors = new StringWriter();
        // The bound is for a setting that is wrongly taken: then the service would run on.
        var run = ServiceRunner.RunAsync(MallApp.Build, Arguments(settings), errors);
        Assert.Equal(1, await run.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        return Assert.Single(errors.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
