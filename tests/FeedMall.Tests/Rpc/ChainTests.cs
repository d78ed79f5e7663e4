using System.Collections.Concurrent;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Server;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Health.V1;
using Grpc.Reflection.V1;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>What stands around calls: interceptors, validation, what a request hands on to the calls behind it, draining.</summary>
public sealed class ChainTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Interceptors_stand_around_every_kind_of_call_in_their_order()
    {
        var log = new ConcurrentQueue<string>();
        await using var host = await EchoHost.StartAsync(
            server: options =>
            {
                options.Interceptors.Add(new Recorder("s1", log));
                options.Interceptors.Add(new Recorder("s2", log));
            },
            client: options => options.Interceptors = [new Recorder("c1", log), new Recorder("c2", log)]);
        await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        Assert.Equal(["c1", "c2", "s1", "s2"], log);
        log.Clear();
        using (var count = host.Client.Count(new EchoRequest { Count = 1 }, cancellationToken: Token)) Assert.True(await count.ResponseStream.MoveNext(Token));
        Assert.Equal(["c1", "c2", "s1", "s2"], log);
        log.Clear();
        using (var gather = host.Client.Gather(cancellationToken: Token))
        {
            await gather.RequestStream.CompleteAsync();
            await gather;
        }
        Assert.Equal(["c1", "c2", "s1", "s2"], log);
        log.Clear();
        using (var chat = host.Client.Chat(cancellationToken: Token))
        {
            await chat.RequestStream.CompleteAsync();
            Assert.False(await chat.ResponseStream.MoveNext(Token));
        }
        Assert.Equal(["c1", "c2", "s1", "s2"], log);
    }

    [Fact]
    public async Task A_registered_validator_sees_every_request_before_the_method_does()
    {
        await using var host = await EchoHost.StartAsync(services: services => services.AddSingleton<IRequestValidator<EchoRequest>, NoBadWords>());
        var error = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest { Text = "bad" }, cancellationToken: Token));
        Assert.Equal((StatusCode.InvalidArgument, Reasons.ValidationFailed), (error.StatusCode, error.FindErrorInfo()!.Reason));
        Assert.Equal("good", (await host.Client.SayAsync(new EchoRequest { Text = "good" }, cancellationToken: Token)).Text);

        using var gather = host.Client.Gather(cancellationToken: Token);
        await gather.RequestStream.WriteAsync(new EchoRequest { Text = "good" }, Token);
        // The writer may hear of it before its message counts as sent.
        await Record.ExceptionAsync(() => gather.RequestStream.WriteAsync(new EchoRequest { Text = "bad" }, Token));
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await gather)).StatusCode);
    }

    [Fact]
    public async Task A_call_inside_of_a_call_inherits_deadline_and_global_metadata_and_nothing_local()
    {
        var clock = new TestClock();
        await using var leaf = await EchoHost.StartAsync(clock: clock);
        await using var middle = await EchoHost.StartAsync(clock: clock);
        (TimeSpan Left, Metadata Headers)? seen = null;
        leaf.Script.Say = (_, context) =>
        {
            seen = (context.Deadline - clock.GetUtcNow().UtcDateTime, context.RequestHeaders);
            return Task.FromResult(new EchoResponse());
        };
        middle.Script.Say = async (request, _) => await leaf.Client.SayAsync(request, new Metadata { { "x-md-global-own", "mine" } });
        await middle.Client.SayAsync(new EchoRequest(), new Metadata
        {
            { "x-md-global-uid", "7" }, { "x-md-global-own", "theirs" }, { "x-md-local-a", "b" }, { "x-other", "c" }, { "x-md-global-raw-bin", [1, 2] },
        }, clock.GetUtcNow().UtcDateTime.AddSeconds(2), Token);
        Assert.Equal(2, seen!.Value.Left.TotalSeconds, 0.0001);
        Assert.Equal("7", seen.Value.Headers.GetValue("x-md-global-uid"));
        Assert.Equal(["mine"], seen.Value.Headers.GetAll("x-md-global-own").Select(entry => entry.Value));
        Assert.Equal([1, 2], seen.Value.Headers.GetValueBytes("x-md-global-raw-bin")!);
        Assert.Null(seen.Value.Headers.Get("x-md-local-a"));
        Assert.Null(seen.Value.Headers.Get("x-other"));
    }

    [Fact]
    public async Task A_deadline_runs_through_three_services_and_nothing_works_on_after_it()
    {
        // ALGORITHMS §7.5: A gives 300 ms, B uses 50, C wants 1000.
        var clock = new TestClock();
        await using var c = await EchoHost.StartAsync(clock: clock);
        await using var b = await EchoHost.StartAsync(clock: clock);
        var (cTimeout, cEnded) = (new TaskCompletionSource<TimeSpan>(), new TaskCompletionSource());
        c.Script.Say = async (_, context) =>
        {
            context.CancellationToken.Register(() => cEnded.TrySetResult());
            cTimeout.SetResult(context.Deadline - clock.GetUtcNow().UtcDateTime);
            await Task.Delay(TimeSpan.FromSeconds(1), clock, context.CancellationToken);
            return new EchoResponse();
        };
        b.Script.Say = async (request, _) =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(50));
            return await c.Client.SayAsync(request);
        };
        using var call = b.Client.SayAsync(new EchoRequest(), deadline: clock.GetUtcNow().UtcDateTime.AddMilliseconds(300), cancellationToken: Token);
        Assert.Equal(250, (await cTimeout.Task.WaitAsync(Token)).TotalMilliseconds, 0.01);
        clock.Advance(TimeSpan.FromMilliseconds(250));
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        await cEnded.Task.WaitAsync(Token);
    }

    [Fact]
    public async Task Giving_up_a_call_gives_up_the_calls_behind_it()
    {
        await using var leaf = await EchoHost.StartAsync();
        await using var middle = await EchoHost.StartAsync();
        var (begun, ended) = (new TaskCompletionSource(), new TaskCompletionSource());
        leaf.Script.Say = async (_, context) =>
        {
            context.CancellationToken.Register(() => ended.TrySetResult());
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new EchoResponse();
        };
        middle.Script.Say = async (request, _) => await leaf.Client.SayAsync(request);
        using var call = middle.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        await begun.Task.WaitAsync(Token);
        call.Dispose();
        await ended.Task.WaitAsync(Token);
        await Assert.ThrowsAsync<RpcException>(async () => await call);
    }

    [Theory]
    [InlineData(StatusCode.NotFound, StatusCode.Internal)]
    [InlineData(StatusCode.InvalidArgument, StatusCode.Internal)]
    [InlineData(StatusCode.Unauthenticated, StatusCode.Internal)]
    [InlineData(StatusCode.Unimplemented, StatusCode.Internal)]
    [InlineData(StatusCode.DataLoss, StatusCode.Internal)]
    [InlineData(StatusCode.Unavailable, StatusCode.Unavailable)]
    [InlineData(StatusCode.ResourceExhausted, StatusCode.Unavailable)]
    [InlineData(StatusCode.DeadlineExceeded, StatusCode.Unavailable)]
    public async Task An_error_of_a_service_behind_is_translated_and_keeps_its_secrets(StatusCode behind, StatusCode shown)
    {
        await using var leaf = await EchoHost.StartAsync();
        await using var middle = await EchoHost.StartAsync();
        leaf.Script.Say = (_, _) => throw new ServiceException(behind, "LEAF_SECRET", "table users is locked");
        middle.Script.Say = async (request, _) => await leaf.Client.SayAsync(request);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await middle.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((shown, Reasons.UpstreamError), (error.StatusCode, error.FindErrorInfo()!.Reason));
        Assert.DoesNotContain("users", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(middle.Errors);
    }

    [Fact]
    public async Task A_stopping_server_finishes_what_runs_refuses_what_is_new_and_is_not_serving()
    {
        await using var host = await EchoHost.StartAsync();
        var (begun, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Script.Chat = async (requests, responses, _) =>
        {
            begun.SetResult();
            while (await requests.MoveNext(Token)) await responses.WriteAsync(new EchoResponse { Text = requests.Current.Text });
            await go.Task;
        };
        using var running = host.Client.Chat(cancellationToken: Token);
        await begun.Task.WaitAsync(Token);
        host.ServerServices.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Unavailable, Reasons.NoEndpoint), (refusal.StatusCode, refusal.FindErrorInfo()!.Reason));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, (await host.Health.CheckAsync(new HealthCheckRequest(), cancellationToken: Token)).Status);

        var stopped = host.StopAsync();
        await running.RequestStream.WriteAsync(new EchoRequest { Text = "still here" }, Token);
        Assert.True(await running.ResponseStream.MoveNext(Token));
        Assert.Equal("still here", running.ResponseStream.Current.Text);
        await running.RequestStream.CompleteAsync();
        go.SetResult();
        Assert.False(await running.ResponseStream.MoveNext(Token));
        await stopped;
        Assert.Empty(host.Errors);
    }

    [Fact]
    public void A_described_file_comes_with_all_that_it_imports_and_all_that_those_import()
    {
        var services = new GrpcServiceRegistry();
        services.Add(["feedmall.feed.v1.Posts"], FeedMall.Proto.Feed.V1.Posts.Descriptor);
        var files = new FeedMall.Rpc.Reflection.DescriptorIndex(services).FindBySymbol("feedmall.feed.v1.Posts.GetPost")!;
        Assert.Equal("feed/v1/posts.proto", files[0].Name);
        Assert.Contains("common/v1/common.proto", files.Select(file => file.Name));
        Assert.All(files, file => Assert.Empty(file.Dependencies.Select(import => import.Name).Except(files.Select(one => one.Name))));
    }

    [Fact]
    public async Task Reflection_lists_services_and_describes_their_files_and_survives_bad_questions()
    {
        await using var host = await EchoHost.StartAsync();
        await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        var reflection = new ServerReflection.ServerReflectionClient(
            host.ClientServices.GetRequiredService<RpcChannels>().All.First());
        using var call = reflection.ServerReflectionInfo(cancellationToken: Token);
        async Task<ServerReflectionResponse> AskAsync(ServerReflectionRequest question)
        {
            await call.RequestStream.WriteAsync(question, Token);
            Assert.True(await call.ResponseStream.MoveNext(Token));
            return call.ResponseStream.Current;
        }

        var services = (await AskAsync(new ServerReflectionRequest { ListServices = "" })).ListServicesResponse.Service.Select(service => service.Name);
        Assert.Contains("feedmall.tests.rpc.Echo", services);
        foreach (var symbol in new[] { "feedmall.tests.rpc.Echo", "feedmall.tests.rpc.Echo.Say", "feedmall.tests.rpc.EchoRequest", "feedmall.tests.rpc.EchoRequest.text" })
        {
            var files = (await AskAsync(new ServerReflectionRequest { FileContainingSymbol = symbol })).FileDescriptorResponse.FileDescriptorProto;
            Assert.Equal(EchoReflection.Descriptor.SerializedData, files[0]);
        }
        foreach (var symbol in new[] { "grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc.health.v1.HealthCheckResponse.SERVING", "grpc.reflection.v1.ServerReflectionRequest.message_request" })
            Assert.NotEmpty((await AskAsync(new ServerReflectionRequest { FileContainingSymbol = symbol })).FileDescriptorResponse?.FileDescriptorProto ?? []);
        Assert.Equal(5, (await AskAsync(new ServerReflectionRequest { FileContainingSymbol = "nope" })).ErrorResponse.ErrorCode);
        Assert.Equal(5, (await AskAsync(new ServerReflectionRequest { FileByFilename = "nope.proto" })).ErrorResponse.ErrorCode);
        Assert.Equal(5, (await AskAsync(new ServerReflectionRequest { FileContainingExtension = new() { ContainingType = "nope" } })).ErrorResponse.ErrorCode);
        Assert.Empty((await AskAsync(new ServerReflectionRequest { AllExtensionNumbersOfType = "feedmall.tests.rpc.EchoRequest" })).AllExtensionNumbersResponse.ExtensionNumber);
        Assert.Equal(3, (await AskAsync(new ServerReflectionRequest())).ErrorResponse.ErrorCode);
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Token));
    }

    private sealed class NoBadWords : IRequestValidator<EchoRequest>
    {
        public void Validate(EchoRequest request)
        {
            if (request.Text == "bad")
                throw new ServiceException(StatusCode.InvalidArgument, Reasons.ValidationFailed, "Not valid.", new Dictionary<string, string> { ["text"] = "must be good" });
        }
    }

    private sealed class Recorder(string name, ConcurrentQueue<string> log) : Interceptor
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(request, context);
        }

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(request, context);
        }

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context, AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(context);
        }

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context, AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(context);
        }

        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(request, context);
        }

        public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
            IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(requestStream, context);
        }

        public override Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(request, responseStream, context);
        }

        public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
            IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
            DuplexStreamingServerMethod<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(requestStream, responseStream, context);
        }
    }
}
