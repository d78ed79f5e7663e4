using System.Globalization;
using FeedMall.Resilience.Retry;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>What is sent again, when and how often (ALGORITHMS §8), counted at the server.</summary>
public sealed class RetryTests
{
    private const string Say = "/feedmall.tests.rpc.Echo/Say";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    [Theory]
    [InlineData("reset 2")]
    [InlineData("reset 8")]
    [InlineData("reset 11")]
    [InlineData("cut")]
    [InlineData("14")]
    [InlineData("14 50")]
    [InlineData("8 50")]
    [InlineData("4")]
    [InlineData("10")]
    [InlineData("13")]
    [InlineData("http 503")]
    public async Task A_method_that_is_not_idempotent_is_sent_once_when_the_server_may_have_begun_it(string end)
    {
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, end));
        await Assert.ThrowsAsync<RpcException>(async () => await peer.Client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token));
        Assert.Single(peer.Calls);
    }

    [Theory]
    [InlineData("cut", 2)]
    [InlineData("14", 2)]
    [InlineData("http 503", 2)]
    [InlineData("8 10", 2)]
    [InlineData("8", 1)]
    [InlineData("reset 2", 1)]
    [InlineData("reset 8", 1)]
    [InlineData("4", 1)]
    [InlineData("10", 1)]
    [InlineData("13", 1)]
    [InlineData("2", 1)]
    [InlineData("3", 1)]
    public async Task An_idempotent_method_is_sent_again_after_what_may_pass_and_after_nothing_else(string end, int sends)
    {
        var calls = 0;
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, Interlocked.Increment(ref calls) == 1 ? end : "ok"), Idempotent);
        var call = peer.Client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token);
        if (sends > 1) await call;
        else await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(sends, peer.Calls.Count);
    }

    [Fact]
    public async Task A_refused_stream_is_sent_once_more_whatever_the_method_does()
    {
        var calls = 0;
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, Interlocked.Increment(ref calls) == 1 ? "reset 7" : "ok"));
        await peer.Client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token);
        Assert.Equal(2, peer.Calls.Count);
    }

    [Fact]
    public async Task A_server_that_refuses_every_stream_is_asked_four_times_by_the_transport_and_not_again_for_that()
    {
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, "reset 7"), options => options.Retry = new RetryOptions { MaxAttempts = 1 });
        var error = await Assert.ThrowsAsync<RpcException>(async () => await peer.Client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token));
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Equal(4, peer.Calls.Count);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(3, 4)]
    public async Task An_answer_that_says_not_started_is_sent_once_more_beside_the_attempts_of_the_policy(int mostAttempts, int sends)
    {
        var calls = 0;
        await using var host = await EchoHost.StartAsync(client: options => options.Retry = Quick with { MaxAttempts = mostAttempts });
        host.Script.Say = (_, _) =>
        {
            Interlocked.Increment(ref calls);
            throw new ServiceException(StatusCode.Unavailable, Reasons.NoEndpoint, "Stopping.", RpcErrors.NotStarted);
        };
        await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal(sends, calls);
    }

    [Fact]
    public async Task Where_nobody_listens_any_call_goes_to_the_next_address()
    {
        await using var host = await EchoHost.StartAsync();
        await using var clients = EchoHost.CreateClients(host.Address, options =>
        {
            options.Addresses = [new Uri(FreePort.NextUrl()), host.Address];
            options.Balancing = BalancingPolicy.PickFirst;
            options.Retry = new RetryOptions { MaxAttempts = 1 };
        });
        var client = clients.GetRequiredService<Echo.EchoClient>();
        Assert.Equal("a", (await client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token)).Text);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("-50")]
    [InlineData("soon")]
    [InlineData("5e1")]
    [InlineData("1.5")]
    [InlineData("99999999999")]
    public async Task A_pushback_that_is_negative_or_no_number_ends_the_attempts(string pushback)
    {
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, $"14 {pushback}"), Idempotent);
        await Assert.ThrowsAsync<RpcException>(async () => await peer.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Single(peer.Calls);
    }

    [Fact]
    public async Task A_pushback_is_waited_for_to_the_millisecond_and_the_backoff_begins_anew_after_it()
    {
        var clock = new TestClock();
        var ends = new Queue<string>(["14", "14", "14 50", "14", "ok"]);
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, ends.Dequeue()), Stepped(5), clock);
        using var call = peer.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        foreach (var wait in new[] { 100, 200, 50, 100 })
        {
            await clock.WaitForTimerAsync(Ms(wait)).WaitAsync(Token);
            clock.Advance(Ms(wait));
        }
        await call;
        Assert.Equal(["", "1", "2", "3", "4"], peer.Calls.Select(headers => headers["grpc-previous-rpc-attempts"].ToString()));
    }

    [Fact]
    public async Task A_call_whose_backoff_would_outlast_its_deadline_fails_at_once_with_the_last_error()
    {
        var clock = new TestClock();
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, "14"), Stepped(5), clock);
        using var call = peer.Client.SayAsync(new EchoRequest(), deadline: clock.GetUtcNow().UtcDateTime + Ms(120), cancellationToken: Token);
        await clock.WaitForTimerAsync(Ms(100)).WaitAsync(Token);
        clock.Advance(Ms(100));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Collection(peer.Calls,
            first => Assert.Equal("120000u", first["grpc-timeout"].ToString()),
            second => Assert.True(GrpcTimeout.TryDecode(second["grpc-timeout"], out var left) && left >= Ms(20) && left < Ms(21), $"{left}"));
    }

    [Fact]
    public async Task A_caller_that_gives_up_during_the_wait_ends_the_call_and_nothing_more_is_sent()
    {
        var clock = new TestClock();
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, "14"), Stepped(5), clock);
        using var source = new CancellationTokenSource();
        using var call = peer.Client.SayAsync(new EchoRequest(), cancellationToken: source.Token);
        await clock.WaitForTimerAsync(Ms(100)).WaitAsync(Token);
        await source.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        clock.Advance(Ms(1000));
        Assert.Single(peer.Calls);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(1.0)]
    public async Task A_service_that_always_fails_sees_a_tenth_more_calls_and_the_tiers_above_it_add_none(double retriesPerSecond)
    {
        const int Calls = 400;
        void Budget(GrpcClientOptions options)
        {
            Idempotent(options);
            options.Retry = Quick with { Budget = new WindowRetryBudgetOptions { MinRetriesPerSecond = retriesPerSecond } };
        }
        await using var leaf = await EchoHost.StartAsync(client: Budget);
        await using var middle = await EchoHost.StartAsync(client: Budget);
        await using var front = await EchoHost.StartAsync(client: Budget);
        var (atLeaf, atMiddle, atFront) = (0, 0, 0);
        leaf.Script.Say = (_, _) =>
        {
            Interlocked.Increment(ref atLeaf);
            throw new ServiceException(StatusCode.Unavailable, "LEAF_DOWN", "Down.");
        };
        middle.Script.Say = (request, _) => Pass(ref atMiddle, leaf, request);
        front.Script.Say = (request, _) => Pass(ref atFront, middle, request);

        var startedAt = TimeProvider.System.GetTimestamp();
        await Parallel.ForAsync(0, Calls, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token }, async (_, cancel) =>
        {
            var error = await Assert.ThrowsAsync<RpcException>(async () => await front.Client.SayAsync(new EchoRequest(), cancellationToken: cancel));
            Assert.Equal((StatusCode.Unavailable, Reasons.UpstreamError, true), (error.StatusCode, error.FindErrorInfo()!.Reason, error.SaysNoRetry()));
            Assert.Equal("-1", error.Trailers.GetValue("grpc-retry-pushback-ms"));
        });
        var seconds = TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds;
        var extra = atLeaf - Calls;
        // Beyond the tenth: what is granted per second, for the time that it took and the window before it.
        Assert.InRange(extra, 1, 0.1 * Calls + retriesPerSecond * (seconds + 10));
        Assert.Equal((Calls, Calls), (atFront, atMiddle));
        Assert.Equal((0, 0, extra), (Granted(front), Granted(middle), Granted(leaf)));

        static async Task<EchoResponse> PassAsync(EchoHost next, EchoRequest request) => await next.Client.SayAsync(request);
        static Task<EchoResponse> Pass(ref int count, EchoHost next, EchoRequest request)
        {
            Interlocked.Increment(ref count);
            return PassAsync(next, request);
        }
        static long Granted(EchoHost host) => host.ClientServices.GetRequiredService<RpcChannels>().All.Sum(channel => channel.RetrySnapshot().Granted);
    }

    [Fact]
    public async Task A_storm_of_calls_that_are_not_idempotent_reaches_the_leaf_once_each()
    {
        var calls = 0;
        await using var host = await EchoHost.StartAsync(client: options => options.Retry = Quick);
        host.Script.Say = (_, _) =>
        {
            Interlocked.Increment(ref calls);
            throw new ServiceException(StatusCode.Unavailable, "DOWN", "Down.");
        };
        await Parallel.ForAsync(0, 200, Token, async (_, cancel) =>
            await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: cancel)));
        Assert.Equal(200, calls);
    }

    [Theory]
    [InlineData("key-1", 2)]
    [InlineData(null, 1)]
    public async Task A_call_with_an_idempotency_key_is_sent_again_whatever_its_method(string? key, int sends)
    {
        var (calls, notes) = (0, new List<CallNote>());
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, Interlocked.Increment(ref calls) == 1 ? "14" : "ok"), options =>
        {
            options.Retry = Quick;
            options.OnTurn = notes.Add;
        });
        var headers = new Metadata();
        if (key is not null) headers.Add("x-md-local-idempotency-key", key);
        var error = await Record.ExceptionAsync(async () => await peer.Client.SayAsync(new EchoRequest(), headers, cancellationToken: Token));
        Assert.Equal((sends, sends == 1), (peer.Calls.Count, error is RpcException));
        // The same key, or the server could not tell that it is the same work.
        if (key is not null) Assert.All(peer.Calls, call => Assert.Equal(key, call["x-md-local-idempotency-key"]));
        Assert.Equal(sends == 2 ? [new CallNote(CallTurn.Retried, Say, "UPSTREAM_ERROR")] : [], notes);
    }

    [Fact]
    public async Task A_token_budget_stops_after_five_failures_in_a_row()
    {
        await using var peer = await PeerHost.StartAsync(http => EndAsync(http, "14"), options =>
        {
            Idempotent(options);
            options.Retry = Quick with { Tokens = new TokenRetryBudgetOptions() };
        });
        for (var i = 0; i < 10; i++) await Assert.ThrowsAsync<RpcException>(async () => await peer.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        // Of the tokens above half, five, the first call uses three and the second two; the other eight calls are sent once.
        Assert.Equal(13, peer.Calls.Count);
    }

    private static RetryOptions Quick { get; } = new() { Backoff = new BackoffOptions { Min = Ms(1), Max = Ms(2) } };

    private static void Idempotent(GrpcClientOptions options)
    {
        options.IdempotentMethods = new HashSet<string> { Say };
        options.Retry = Quick;
    }

    private static Action<GrpcClientOptions> Stepped(int mostAttempts) => options =>
    {
        Idempotent(options);
        options.Retry = new RetryOptions { MaxAttempts = mostAttempts, Backoff = new BackoffOptions { Jitter = JitterKind.None } };
    };

    // "ok", "cut" (the connection), "reset CODE", "http STATUS", or a gRPC status and perhaps a pushback; each after the request was read.
    private static async Task EndAsync(HttpContext http, string end)
    {
        await http.Request.Body.CopyToAsync(Stream.Null);
        var words = end.Split(' ');
        http.Response.ContentType = "application/grpc";
        switch (words[0])
        {
            case "ok":
                await http.Response.Body.WriteAsync(new byte[5]);
                http.Response.AppendTrailer("grpc-status", "0");
                break;
            case "cut":
                http.Features.Get<IConnectionLifetimeFeature>()!.Abort();
                break;
            case "reset":
                http.Features.Get<IHttpResetFeature>()!.Reset(int.Parse(words[1], CultureInfo.InvariantCulture));
                break;
            case "http":
                (http.Response.StatusCode, http.Response.ContentType) = (int.Parse(words[1], CultureInfo.InvariantCulture), "text/html");
                break;
            default:
                http.Response.Headers["grpc-status"] = words[0];
                if (words.Length > 1) http.Response.Headers["grpc-retry-pushback-ms"] = words[1];
                break;
        }
    }
}
