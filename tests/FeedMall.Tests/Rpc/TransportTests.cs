using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FeedMall.Rpc;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Server;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>What calls travel over: memory, TLS with certificates on both sides, connections that grow old.</summary>
public sealed class TransportTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_kind_of_call_works_in_memory_without_a_port()
    {
        var transport = new InMemoryTransport();
        await using var host = await EchoHost.StartAsync(services: transport.ListenIn);
        await using var clients = EchoHost.CreateClients(InMemoryTransport.Address, options => options.Connect = transport.ConnectAsync);
        var client = clients.GetRequiredService<Echo.EchoClient>();
        Assert.Equal("say", (await client.SayAsync(new EchoRequest { Text = "say" }, cancellationToken: Token)).Text);

        using var count = client.Count(new EchoRequest { Count = 3 }, cancellationToken: Token);
        var numbers = new List<int>();
        await foreach (var response in count.ResponseStream.ReadAllAsync(Token)) numbers.Add(response.Number);
        Assert.Equal([1, 2, 3], numbers);

        using var gather = client.Gather(cancellationToken: Token);
        await gather.RequestStream.WriteAsync(new EchoRequest { Text = "a" }, Token);
        await gather.RequestStream.WriteAsync(new EchoRequest { Text = "b" }, Token);
        await gather.RequestStream.CompleteAsync();
        Assert.Equal("ab", (await gather).Text);

        using var chat = client.Chat(cancellationToken: Token);
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "1" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext(Token));
        Assert.Equal("1", chat.ResponseStream.Current.Text);
        await chat.RequestStream.CompleteAsync();
        Assert.False(await chat.ResponseStream.MoveNext(Token));

        var large = Google.Protobuf.ByteString.CopyFrom(new byte[1_000_000]);
        Assert.Equal(large, (await client.SayAsync(new EchoRequest { Payload = large }, cancellationToken: Token)).Payload);
        Assert.Empty(host.Errors);

        await host.StopAsync();
        var error = await Assert.ThrowsAsync<RpcException>(async () => await client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
    }

    [Fact]
    public async Task Only_callers_with_a_certificate_of_the_authority_get_in()
    {
        using var authority = CreateAuthority("CN=ours");
        using var stranger = CreateAuthority("CN=strange");
        using var server = Issue(authority, "CN=127.0.0.1");
        using var member = Issue(authority, "CN=member");
        using var outsider = Issue(stranger, "CN=member");
        await using var host = await EchoHost.StartAsync(listen: listen => listen.UseGrpc(new GrpcListenOptions { Certificate = server, ClientRoots = [authority] }));
        Assert.Equal(StatusCode.OK, await CallAsync(host, member, authority));
        Assert.Equal(StatusCode.Unavailable, await CallAsync(host, null, authority));
        Assert.Equal(StatusCode.Unavailable, await CallAsync(host, outsider, authority));
        Assert.Equal(StatusCode.Unavailable, await CallAsync(host, member, stranger));
        Assert.Equal(StatusCode.OK, await CallAsync(host, member, authority));
    }

    [Theory]
    [InlineData(false, HttpStatusCode.BadRequest)]
    [InlineData(true, HttpStatusCode.UpgradeRequired)]
    public async Task A_client_of_HTTP_1_is_told_that_the_port_needs_HTTP_2(bool overTls, HttpStatusCode expected)
    {
        using var authority = CreateAuthority("CN=ours");
        using var server = Issue(authority, "CN=127.0.0.1");
        await using var host = await EchoHost.StartAsync(listen: listen => listen.UseGrpc(new GrpcListenOptions { Certificate = overTls ? server : null }));
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate!.Issuer == authority.Subject };
        using var http = new HttpClient(handler);
        // HttpClient offers no protocol in the handshake when it wants HTTP/1.1, as clients without ALPN do.
        using var response = await http.GetAsync(host.Address, Token);
        Assert.Equal(expected, response.StatusCode);
        Assert.Contains("HTTP/2", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        using var upload = await http.PostAsync(host.Address, new ByteArrayContent(new byte[100_000]), Token);
        Assert.Equal(expected, upload.StatusCode);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_client_that_offers_only_HTTP_1_in_the_handshake_does_not_get_through_it()
    {
        using var authority = CreateAuthority("CN=ours");
        using var server = Issue(authority, "CN=127.0.0.1");
        await using var host = await EchoHost.StartAsync(listen: listen => listen.UseGrpc(new GrpcListenOptions { Certificate = server }));
        using var socket = new TcpClient();
        await socket.ConnectAsync(host.Address.Host, host.Address.Port, Token);
        await using var tls = new SslStream(socket.GetStream());
        await Assert.ThrowsAsync<AuthenticationException>(() => tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            ApplicationProtocols = [SslApplicationProtocol.Http11],
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate!.Issuer == authority.Subject,
            TargetHost = host.Address.Host,
        }, Token));
        Assert.Empty(host.Errors);
    }

    [Fact]
    public void Certificates_of_callers_cannot_be_asked_for_without_one_of_the_server() =>
        Assert.Throws<ArgumentException>(() => ((Microsoft.AspNetCore.Server.Kestrel.Core.ListenOptions)null!).UseGrpc(new GrpcListenOptions { ClientRoots = [] }));

    [Theory]
    [InlineData(false, 40)]
    [InlineData(true, 12)]
    public async Task No_call_fails_or_runs_twice_while_connections_that_are_too_old_are_replaced_under_load(bool overTls, int connections)
    {
        const int CallsInRound = 160;
        var (age, clock) = (TimeSpan.FromMilliseconds(100), new TestClock());
        using var authority = CreateAuthority("CN=ours");
        using var server = Issue(authority, "CN=127.0.0.1");
        await using var host = await EchoHost.StartAsync(listen: listen => listen.UseGrpc(
            new GrpcListenOptions { MaxConnectionAge = age, Certificate = overTls ? server : null }, clock));
        var (network, ran) = (new Network(), CountIn(host));
        // Nothing is idempotent here: what is sent again was certainly not begun.
        await using var caller = new EchoCaller(EchoHost.CreateClients(host.Address, options => (options.Connect, options.TrustedRoots) = (network.ConnectAsync, [authority])));
        using var chat = caller.Client.Chat(cancellationToken: Token);
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "first" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext(Token));
        var calls = 0;
        // In the middle of each round every connection gets too old. So no call meets this twice: at the fourth time the transport would rightly give it up.
        for (var round = 0; network.Tried < connections; round++)
        {
            Assert.InRange(round, 0, 10 * connections);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
            {
                for (var i = 0; i < CallsInRound / 8; i++)
                {
                    await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
                    if (Interlocked.Increment(ref calls) % CallsInRound == CallsInRound / 4) clock.Advance(age * 1.2);
                }
            }));
        }
        Assert.Equal(calls, ran());
        // What began on an old connection ends there.
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "last" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext(Token));
        Assert.Equal("last", chat.ResponseStream.Current.Text);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task No_call_fails_or_runs_twice_while_servers_stop_under_load()
    {
        var (calls, ran) = (0, 0);
        for (var round = 0; round < 10; round++)
        {
            await using var stays = await EchoHost.StartAsync(listen: listen => listen.UseGrpc(new GrpcListenOptions()));
            await using var goes = await EchoHost.StartAsync(listen: listen => listen.UseGrpc(new GrpcListenOptions()));
            var (first, second) = (CountIn(goes), CountIn(stays));
            await using var caller = new EchoCaller(EchoHost.CreateClients(goes.Address, options =>
                (options.Addresses, options.Balancing) = ([goes.Address, stays.Address], BalancingPolicy.PickFirst)));
            using var stopped = new CancellationTokenSource();
            var callers = Enumerable.Range(0, 8).Select(async _ =>
            {
                for (; !stopped.IsCancellationRequested; Interlocked.Increment(ref calls)) await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
            }).ToList();
            while (first() < 100) await Task.Yield();
            await goes.StopAsync();
            var before = second();
            while (second() < before + 10) await Task.Yield();
            await stopped.CancelAsync();
            await Task.WhenAll(callers);
            ran += first() + second();
        }
        Assert.Equal(calls, ran);
    }

    [Fact]
    public async Task A_connection_is_closed_with_what_runs_on_it_when_its_grace_is_over()
    {
        await using var host = await EchoHost.StartAsync(listen: listen => listen.UseGrpc(
            new GrpcListenOptions { MaxConnectionAge = TimeSpan.FromMilliseconds(100), MaxConnectionAgeGrace = TimeSpan.FromMilliseconds(100) }));
        using var chat = host.Client.Chat(cancellationToken: Token);
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => chat.ResponseStream.MoveNext(Token))).StatusCode);
    }

    [Fact]
    public void A_channel_that_closed_under_a_call_sent_nothing()
    {
        var (error, reach) = TransportErrors.Translate(new ObjectDisposedException("handler"), "Echo");
        Assert.Equal((StatusCode.Unavailable, Reasons.NoEndpoint, Reach.NoConnection), (error.StatusCode, error.FindErrorInfo()!.Reason, reach));
    }

    private static Func<int> CountIn(EchoHost host)
    {
        var ran = 0;
        host.Script.Say = (_, _) =>
        {
            Interlocked.Increment(ref ran);
            return Task.FromResult(new EchoResponse());
        };
        return () => Volatile.Read(ref ran);
    }

    private static async Task<StatusCode> CallAsync(EchoHost host, X509Certificate2? own, X509Certificate2 trusted)
    {
        await using var clients = EchoHost.CreateClients(host.Address, options => (options.ClientCertificate, options.TrustedRoots) = (own, [trusted]));
        try
        {
            await clients.GetRequiredService<Echo.EchoClient>().SayAsync(new EchoRequest(), cancellationToken: Token);
            return StatusCode.OK;
        }
        catch (RpcException error)
        {
            return error.StatusCode;
        }
    }

    private static X509Certificate2 CreateAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddHours(1));
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var bare = request.Create(authority, DateTimeOffset.UtcNow.AddMinutes(-4), DateTimeOffset.UtcNow.AddMinutes(50), RandomNumberGenerator.GetBytes(8));
        using var certificate = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }
}
