using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FeedMall.Rpc.Errors;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>Peers that break the rules, on either side of the wire, and those that speak TLS.</summary>
public sealed class PeerTests
{
    private const string Say = "/feedmall.tests.rpc.Echo/Say";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Say, "0000000000", "0")]
    [InlineData(Say, "00000000020a0141", "13")]
    [InlineData(Say, "0000000003", "13")]
    [InlineData(Say, "000000", "13")]
    [InlineData(Say, "0000000001ff", "13")]
    [InlineData(Say, "0200000000", "13")]
    [InlineData(Say, "0100000000", "13")]
    [InlineData(Say, "00ffffffff", "8")]
    [InlineData(Say, "", "12")]
    [InlineData(Say, "00000000000000000000", "12")]
    [InlineData("/feedmall.tests.rpc.Echo/Nope", "0000000000", "12")]
    [InlineData("/feedmall.tests.rpc.Echo/say", "0000000000", "12")]
    [InlineData("/nope.Nope/Nope", "0000000000", "12")]
    [InlineData("/a/b/c/d", "0000000000", "12")]
    [InlineData("/", "0000000000", "12")]
    [InlineData("/feedmall.tests.rpc.Echo/Gather", "", "0")]
    [InlineData("/feedmall.tests.rpc.Echo/Gather", "00000000000000000000", "0")]
    [InlineData("/feedmall.tests.rpc.Echo/Gather", "0000000003", "13")]
    [InlineData("/feedmall.tests.rpc.Echo/Chat", "", "0")]
    [InlineData("/feedmall.tests.rpc.Echo/Chat", "0000000000", "0")]
    public async Task A_request_made_by_hand_has_its_status(string path, string body, string status)
    {
        await using var host = await EchoHost.StartAsync();
        using var http = RawGrpc.CreateClient();
        using var response = await http.SendAsync(RawGrpc.Request(host.Address, path, Convert.FromHexString(body)), Token);
        Assert.Equal((HttpStatusCode.OK, status), (response.StatusCode, RawGrpc.StatusOf(response)));
        Assert.Equal("application/grpc", response.Content.Headers.ContentType!.MediaType);
        Assert.Empty(host.Errors);
    }

    [Theory]
    [InlineData("application/json", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/grpc-web", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/grpc+proto", HttpStatusCode.OK)]
    public async Task Only_a_grpc_content_type_is_taken(string contentType, HttpStatusCode status)
    {
        await using var host = await EchoHost.StartAsync();
        using var http = RawGrpc.CreateClient();
        using var response = await http.SendAsync(RawGrpc.Request(host.Address, Say, [0, 0, 0, 0, 0], contentType), Token);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task A_path_that_is_nothing_is_not_found_for_whoever_does_not_speak_grpc()
    {
        await using var host = await EchoHost.StartAsync();
        using var http = RawGrpc.CreateClient();
        using var response = await http.SendAsync(RawGrpc.Request(host.Address, "/nope", [], "application/json"), Token);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task An_unknown_encoding_is_refused_with_the_ones_that_are_known()
    {
        await using var host = await EchoHost.StartAsync();
        using var http = RawGrpc.CreateClient();
        using var request = RawGrpc.Request(host.Address, Say, [0, 0, 0, 0, 0]);
        request.Headers.TryAddWithoutValidation("grpc-encoding", "snappy");
        using var response = await http.SendAsync(request, Token);
        Assert.Equal("12", RawGrpc.StatusOf(response));
        Assert.Equal("identity,gzip", response.Headers.GetValues("grpc-accept-encoding").Single());
    }

    [Fact]
    public async Task HTTP_1_is_told_to_upgrade()
    {
        await using var host = await EchoHost.StartAsync(protocols: HttpProtocols.Http1);
        using var http = RawGrpc.CreateClient();
        using var request = RawGrpc.Request(host.Address, Say, [0, 0, 0, 0, 0]);
        request.Version = HttpVersion.Version11;
        using var response = await http.SendAsync(request, Token);
        Assert.Equal(HttpStatusCode.UpgradeRequired, response.StatusCode);
    }

    [Fact]
    public async Task A_body_over_Kestrels_own_limit_is_judged_by_the_message_limit_only()
    {
        await using var host = await EchoHost.StartAsync(
            server: options => options.MaxReceiveMessageBytes = 100_000,
            services: services => services.Configure<KestrelServerOptions>(options => options.Limits.MaxRequestBodySize = 1000));
        var payload = Google.Protobuf.ByteString.CopyFrom(new byte[50_000]);
        Assert.Equal(50_000, (await host.Client.SayAsync(new EchoRequest { Payload = payload }, cancellationToken: Token)).Payload.Length);
    }

    [Fact]
    public async Task Calls_work_over_TLS_with_a_certificate_that_the_client_trusts_and_only_then()
    {
        using var certificate = CreateCertificate();
        await using var host = await EchoHost.StartAsync(certificate: certificate, client: options => options.ConfigureHandler = handler =>
            handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == certificate.GetCertHashString());
        Assert.Equal("tls", (await host.Client.SayAsync(new EchoRequest { Text = "tls" }, cancellationToken: Token)).Text);

        await using var strangers = EchoHost.CreateClients(host.Address);
        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await strangers.GetRequiredService<Echo.EchoClient>().SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Unavailable, Reasons.NoEndpoint), (error.StatusCode, error.FindErrorInfo()!.Reason));
    }

    [Fact]
    public async Task Where_nobody_listens_the_call_is_unavailable_with_a_reason()
    {
        await using var clients = EchoHost.CreateClients(new Uri(FreePort.NextUrl()));
        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await clients.GetRequiredService<Echo.EchoClient>().SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Unavailable, Reasons.NoEndpoint), (error.StatusCode, error.FindErrorInfo()!.Reason));
    }

    public static TheoryData<string, StatusCode> WrongAnswers => new()
    {
        { "200 application/grpc", StatusCode.Unknown },
        { "200 text/html", StatusCode.Unknown },
        { "503 text/html", StatusCode.Unavailable },
        { "404 text/html", StatusCode.Unimplemented },
        { "401 text/html", StatusCode.Unauthenticated },
        { "200 application/grpc grpc-status=5", StatusCode.NotFound },
        { "200 application/grpc grpc-status=99", StatusCode.Unknown },
        { "200 application/grpc grpc-status=x", StatusCode.Unknown },
        { "200 application/grpc grpc-status=0", StatusCode.Unimplemented },
        { "200 application/grpc grpc-encoding=snappy", StatusCode.Internal },
        { "200 application/grpc grpc-status=0 body=0000000000", StatusCode.Unknown },
        { "200 application/grpc body=0000000000 trailer=0", StatusCode.OK },
        { "200 application/grpc body=0000000000 trailer=99", StatusCode.Unknown },
        { "200 application/grpc body=0000000000 trailer=14", StatusCode.Unavailable },
        { "200 application/grpc body=00000000000000000000 trailer=0", StatusCode.Unimplemented },
        { "200 application/grpc body=0000000005 trailer=0", StatusCode.Internal },
        { "200 application/grpc body=0200000000 trailer=0", StatusCode.Internal },
        { "200 application/grpc body=00ffffffff trailer=0", StatusCode.ResourceExhausted },
        { "200 application/grpc reset=7", StatusCode.Unavailable },
        { "200 application/grpc reset=8", StatusCode.Cancelled },
        { "200 application/grpc reset=11", StatusCode.ResourceExhausted },
        { "200 application/grpc reset=12", StatusCode.PermissionDenied },
        { "200 application/grpc reset=2", StatusCode.Internal },
    };

    [Theory]
    [MemberData(nameof(WrongAnswers))]
    public async Task An_answer_of_a_server_that_does_as_it_likes_has_its_status(string answer, StatusCode code)
    {
        await using var peer = await PeerHost.StartAsync(http => AnswerAsync(http, answer.Split(' ')));
        var unary = await CodeOf(async () => await peer.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal(code, unary);
    }

    [Fact]
    public async Task The_message_of_an_unknown_status_is_kept()
    {
        await using var peer = await PeerHost.StartAsync(http => AnswerAsync(http, ["200", "application/grpc", "grpc-status=99", "grpc-message=caf%C3%A9"]));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await peer.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Unknown, "café"), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task What_the_client_sends_is_what_the_protocol_asks_for()
    {
        var seen = new TaskCompletionSource<Dictionary<string, string>>();
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            var headers = http.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString());
            headers["body"] = Convert.ToHexStringLower(body.ToArray());
            headers["line"] = $"{http.Request.Method} {http.Request.Path} {http.Request.Protocol}";
            seen.SetResult(headers);
            await AnswerAsync(http, ["200", "application/grpc", "body=0000000000", "trailer=0"]);
        });
        await peer.Client.SayAsync(new EchoRequest { Text = "abc" }, new Metadata { { "x-a", "1" }, { "x-b-bin", [1] } }, DateTime.UtcNow.AddSeconds(5), Token);
        var headers = await seen.Task;
        Assert.Equal($"POST {Say} HTTP/2", headers["line"]);
        Assert.Equal("00000000050a03616263", headers["body"]);
        Assert.Equal(("trailers", "application/grpc", "1", "AQ"), (headers["te"], headers["content-type"], headers["x-a"], headers["x-b-bin"]));
        Assert.Matches("^[0-9]{1,8}[HMSmun]$", headers["grpc-timeout"]);
        Assert.StartsWith("grpc-csharp-ha/", headers["user-agent"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_knows_the_server_and_its_services_and_follows_the_checks()
    {
        var isHealthy = true;
        await using var host = await EchoHost.StartAsync(services: services => services.AddHealthChecks().AddCheck(
            "switch", () => Volatile.Read(ref isHealthy) ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy()));
        async Task<HealthCheckResponse.Types.ServingStatus> CheckAsync(string service) =>
            (await host.Health.CheckAsync(new HealthCheckRequest { Service = service }, cancellationToken: Token)).Status;

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await CheckAsync(""));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await CheckAsync("feedmall.tests.rpc.Echo"));
        Assert.Equal(StatusCode.NotFound, await CodeOf(() => CheckAsync("nope")));
        Volatile.Write(ref isHealthy, false);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, await CheckAsync(""));
    }

    [Fact]
    public async Task A_health_watch_tells_the_state_at_once_and_ends_when_the_server_stops()
    {
        await using var host = await EchoHost.StartAsync();
        using var known = host.Health.Watch(new HealthCheckRequest(), cancellationToken: Token);
        using var unknown = host.Health.Watch(new HealthCheckRequest { Service = "nope" }, cancellationToken: Token);
        Assert.True(await known.ResponseStream.MoveNext(Token));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, known.ResponseStream.Current.Status);
        Assert.True(await unknown.ResponseStream.MoveNext(Token));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.ServiceUnknown, unknown.ResponseStream.Current.Status);
        var stopping = host.StopAsync();
        Assert.True(await known.ResponseStream.MoveNext(Token));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, known.ResponseStream.Current.Status);
        Assert.Equal(StatusCode.Unavailable, await CodeOf(() => known.ResponseStream.MoveNext(Token)));
        unknown.Dispose();
        await stopping;
    }

    private static async Task<StatusCode> CodeOf<T>(Func<Task<T>> call)
    {
        try
        {
            await call();
            return StatusCode.OK;
        }
        catch (RpcException exception)
        {
            return exception.StatusCode;
        }
    }

    // answer = status content-type name=value…; "body", "trailer" and "reset" are no headers.
    private static async Task AnswerAsync(HttpContext http, string[] answer)
    {
        var rules = answer.Skip(2).Select(part => part.Split('=')).ToDictionary(part => part[0], part => part[1]);
        http.Response.StatusCode = int.Parse(answer[0], CultureInfo.InvariantCulture);
        http.Response.ContentType = answer[1];
        foreach (var (name, value) in rules)
        {
            if (name is not ("body" or "trailer" or "reset")) http.Response.Headers[name] = value;
        }
        if (rules.TryGetValue("body", out var body)) await http.Response.Body.WriteAsync(Convert.FromHexString(body));
        if (rules.TryGetValue("trailer", out var status)) http.Response.AppendTrailer("grpc-status", status);
        if (rules.TryGetValue("reset", out var code))
        {
            await http.Response.Body.FlushAsync();
            http.Features.Get<IHttpResetFeature>()!.Reset(int.Parse(code, CultureInfo.InvariantCulture));
        }
    }

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddHours(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }
}
