using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FeedMall.Domain.Feed;
using FeedMall.Rpc;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using StackExchange.Redis;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults.KeyValue;

/// <summary>The ways to a store that the settings offer, and the ones that they refuse.</summary>
public sealed class KeyValueSettingsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly PostTable _table = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Over_TLS_a_store_is_used_if_its_certificate_is_signed_by_the_given_authority_and_else_not()
    {
        var (certificate, key) = WriteCertificate("store");
        var (stranger, _) = WriteCertificate("stranger");
        await using var kv = await KvHost.StartAsync("--Kv:Tls=true", $"--Kv:CertificatePath={certificate}", $"--Kv:CertificateKeyPath={key}", "--Logging:Console:LogLevel:Default=None");
        await _table.SetAsync(1, "v1");
        await using (var trusted = await CacheRig.StartAsync(kv.Port, options => (options.Tls, options.TlsAuthoritiesPath) = (true, certificate)))
        {
            for (var i = 0; i < 2; i++) await trusted.FindAsync(_table, 1);
            Assert.Equal(1, trusted.Hits);
        }
        foreach (var authority in new[] { stranger, null })
        {
            await using var wary = await CacheRig.StartUnconnectedAsync(kv.Port, options => (options.Tls, options.TlsAuthoritiesPath) = (true, authority));
            await CacheRig.UntilAsync(() => wary.Logs.Entries.Any(entry => entry.Message.Contains("does not do its work", StringComparison.Ordinal)));
            for (var i = 0; i < 2; i++) Assert.Equal("v1", (await wary.FindAsync(_table, 1))!.Title);
            Assert.Equal((0, false), (wary.Hits, wary.IsConnected));
        }
    }

    [Fact]
    public async Task A_cluster_is_used_with_many_ids_at_once()
    {
        await using var redis = await RedisServer.StartAsync("--cluster-enabled", "yes", "--cluster-config-file", Path.Combine(_folder.Path, "nodes.conf"));
        using (var raw = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{redis.Port},allowAdmin=true"))
        {
            await raw.GetDatabase().ExecuteAsync("CLUSTER", "ADDSLOTSRANGE", 0, 16383);
            var startedAt = Stopwatch.GetTimestamp();
            while (!((string?)await raw.GetDatabase().ExecuteAsync("CLUSTER", "INFO"))!.Contains("cluster_state:ok", StringComparison.Ordinal))
            {
                Assert.True(Stopwatch.GetElapsedTime(startedAt) < TimeSpan.FromSeconds(30));
                await Task.Delay(20, Token);
            }
        }
        await using var rig = await CacheRig.StartAsync(redis.Port);
        for (var id = 0; id < 50; id++) await _table.SetAsync(id, $"p{id}");
        for (var round = 0; round < 2; round++)
        {
            var found = await rig.Posts.ListAsync([.. Enumerable.Range(0, 50).Select(id => (long)id)], async (missing, _) =>
                (await Task.WhenAll(missing.Select(_table.FindAsync))).Select(post => KeyValuePair.Create(post!.Id, post)), Token);
            Assert.Equal(50, found.Count);
        }
        Assert.Equal((50, 50, 0), (_table.Reads, rig.Hits, rig.AllFailures));
    }

    [Fact]
    public async Task A_database_number_keeps_two_services_apart()
    {
        await using var server = await CacheServer.StartAsync(CacheServer.KvStore);
        await using var one = await CacheRig.StartAsync(server.Port, options => options.Database = 1);
        await using var two = await CacheRig.StartAsync(server.Port, options => options.Database = 2);
        await _table.SetAsync(1, "v1");
        for (var i = 0; i < 2; i++) await one.FindAsync(_table, 1);
        await two.FindAsync(_table, 1);
        Assert.Equal((1, 0), (one.Hits, two.Hits));
    }

    [Fact]
    public async Task A_request_that_has_less_time_left_than_the_operation_timeout_waits_no_longer_than_it_has()
    {
        await using var server = await CacheServer.StartAsync(CacheServer.Redis);
        await using var proxy = new TcpProxy(server.Port);
        await using var rig = await CacheRig.StartAsync(proxy.Port); // 5 s
        await _table.SetAsync(1, "v1");
        proxy.Delay = TimeSpan.FromSeconds(10);
        RequestContext.Current = new RequestContext(TimeSpan.FromSeconds(1), [], Token, TimeProvider.System);
        var startedAt = Stopwatch.GetTimestamp();
        var (done, _) = await rig.Store.TryAsync("post", "get", database => database.StringGetAsync("a"));
        Assert.False(done);
        Assert.InRange(Stopwatch.GetElapsedTime(startedAt), TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(4.9));
        Assert.Equal(1, rig.Failures("timeout"));
        Assert.DoesNotContain(rig.Logs.Entries, entry => entry.Message.Contains("Timeout", StringComparison.Ordinal)); // not the store's fault
    }

    [Theory]
    [InlineData("Addresses", "")]
    [InlineData("Addresses", "nowhere")]
    [InlineData("Addresses", "127.0.0.1:0")]
    [InlineData("Addresses", "127.0.0.1:6379,,")]
    [InlineData("Addresses", "a host:6379")]
    [InlineData("TlsAuthoritiesPath", "/no/such/file.pem")]
    [InlineData("Database", "-1")]
    [InlineData("ConnectTimeout", "00:00:00")]
    [InlineData("OperationTimeout", "00:01:00")]
    [InlineData("MaxOutstanding", "0")]
    [InlineData("TimeToLive", "00:00:00")]
    [InlineData("AbsentTimeToLive", "02:00:00")]
    [InlineData("Jitter", "0.6")]
    public async Task A_bad_setting_stops_the_start_with_the_name_of_its_key(string key, string value)
    {
        using var errors = new StringWriter();
        Assert.Equal(1, await ServiceRunner.RunAsync(FeedApp.Build,
            [$"--DataDirectory={_folder.Path}", "--Feed:Url=http://127.0.0.1:0", "--Feed:GovernorUrl=", $"--Feed:Cache:{key}={value}"], errors));
        Assert.Contains($"Feed:Cache:{key}", errors.ToString(), StringComparison.Ordinal);
    }

    private (string Certificate, string Key) WriteCertificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        names.AddDnsName("127.0.0.1"); // the client library asks for the address as a name
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var (path, keyPath) = (Path.Combine(_folder.Path, name + ".pem"), Path.Combine(_folder.Path, name + ".key"));
        File.WriteAllText(path, certificate.ExportCertificatePem());
        File.WriteAllText(keyPath, key.ExportPkcs8PrivateKeyPem());
        return (path, keyPath);
    }
}
