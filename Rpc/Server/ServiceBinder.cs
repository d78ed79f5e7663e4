using System.Reflection;
using System.Runtime.CompilerServices;
using FeedMall.Resilience.Deadlines;
using FeedMall.Rpc.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FeedMall.Rpc.Server;

/// <summary>
/// Turns the methods of a service into endpoints: one ordinary route each, "/package.Service/Method". What stands around a method
/// (interceptors, and innermost a new instance of the service) is put together once, when it is mapped.
/// </summary>
internal sealed class ServiceBinder<TService>(
    IEndpointRouteBuilder endpoints, ServerChain chain, GrpcServiceOptions options, RpcTelemetry telemetry, Pool<ServerCallParts> pool, TimeProvider clock)
    : ServiceBinderBase
    where TService : class
{
    private readonly ObjectFactory<TService> _create = ActivatorUtilities.CreateFactory<TService>([]);
    // Null when a service needs something that lives as long as its request.
    private readonly IServiceProvider? _singletons =
        endpoints.ServiceProvider.GetRequiredService<RegisteredServices>().AreSingletons(typeof(TService)) ? endpoints.ServiceProvider : null;

    public List<IEndpointConventionBuilder> Endpoints { get; } = [];

    public HashSet<string> Services { get; } = [];

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, TRequest, ServerCallContext, Task<TResponse>>>(method.Name);
        var validator = FindValidator<TRequest>();
        UnaryServerMethod<TRequest, TResponse> answer = (request, context) => invoke(CreateService(context), request, context);
        foreach (var interceptor in options.Interceptors.Reverse())
        {
            var next = answer;
            answer = (request, context) => interceptor.UnaryServerHandler(request, context, next);
        }
        Map(method, options.DefaultTimeout, [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))] async ValueTask (ServerCall call) =>
        {
            var requests = call.Requests;
            await requests.WaitForSingleAsync();
            var request = requests.TakeSingle(method.RequestMarshaller);
            validator?.Validate(request);
            call.End(method.ResponseMarshaller, await answer(request, call));
        });
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task>>(method.Name);
        var validator = FindValidator<TRequest>();
        ServerStreamingServerMethod<TRequest, TResponse> answer = (request, responses, context) =>
            invoke(CreateService(context), request, responses, context);
        foreach (var interceptor in options.Interceptors.Reverse())
        {
            var next = answer;
            answer = (request, responses, context) => interceptor.ServerStreamingServerHandler(request, responses, context, next);
        }
        Map(method, StreamTimeout(invoke.Method), [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))] async ValueTask (ServerCall call) =>
        {
            var requests = call.Requests;
            await requests.WaitForSingleAsync();
            var request = requests.TakeSingle(method.RequestMarshaller);
            validator?.Validate(request);
            await answer(request, new ResponseStream<TResponse>(call, method.ResponseMarshaller), call);
            call.End(call.Status, null);
        });
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, IAsyncStreamReader<TRequest>, ServerCallContext, Task<TResponse>>>(method.Name);
        var validator = FindValidator<TRequest>();
        ClientStreamingServerMethod<TRequest, TResponse> answer = (requests, context) =>
            invoke(CreateService(context), requests, context);
        foreach (var interceptor in options.Interceptors.Reverse())
        {
            var next = answer;
            answer = (requests, context) => interceptor.ClientStreamingServerHandler(requests, context, next);
        }
        Map(method, StreamTimeout(invoke.Method), [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))] async ValueTask (ServerCall call) =>
        {
            var requests = new RequestStream<TRequest>(call, method.RequestMarshaller, validator);
            call.End(method.ResponseMarshaller, await answer(requests, call));
        });
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, IAsyncStreamReader<TRequest>, IServerStreamWriter<TResponse>, ServerCallContext, Task>>(method.Name);
        var validator = FindValidator<TRequest>();
        DuplexStreamingServerMethod<TRequest, TResponse> answer = (requests, responses, context) =>
            invoke(CreateService(context), requests, responses, context);
        foreach (var interceptor in options.Interceptors.Reverse())
        {
            var next = answer;
            answer = (requests, responses, context) => interceptor.DuplexStreamingServerHandler(requests, responses, context, next);
        }
        Map(method, StreamTimeout(invoke.Method), [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))] async ValueTask (ServerCall call) =>
        {
            var requests = new RequestStream<TRequest>(call, method.RequestMarshaller, validator);
            await answer(requests, new ResponseStream<TResponse>(call, method.ResponseMarshaller), call);
            call.End(call.Status, null);
        });
    }

    private TimeSpan StreamTimeout(MethodInfo method) =>
        method.IsDefined(typeof(LongCallAttribute), inherit: true) ? GrpcTimeout.Max : options.DefaultStreamTimeout;

    private void Map(IMethod method, TimeSpan defaultTimeout, ServerStep handle)
    {
        var run = chain.Around(handle);
        var isLarge = options.MaxReceiveMessageBytes > endpoints.ServiceProvider.GetService<IOptions<KestrelServerOptions>>()?.Value.Limits.MaxRequestBodySize - MessageDecoder.PrefixBytes;
        var maxTimeout = method.Type == MethodType.Unary ? options.MaxTimeout : GrpcTimeout.Max;
        var streams = method.Type is MethodType.ClientStreaming or MethodType.DuplexStreaming || isLarge;
        Services.Add(method.ServiceName);
        Endpoints.Add(endpoints.MapPost(method.FullName, async http =>
        {
            // Routes match regardless of case, gRPC paths do not.
            if (!string.Equals(http.Request.Path.Value, method.FullName, StringComparison.Ordinal))
            {
                ServerProtocol.AnswerUnknown(http, options, telemetry);
                return;
            }
            if (!ServerProtocol.TryAccept(http, streams, options)) return;
            await using var call = new ServerCall(http, method, ReadTimeout(http, defaultTimeout, maxTimeout), options, pool, clock);
            await run(call);
        }).WithDisplayName($"gRPC {method.FullName}"));
    }

    // A time that cannot be read is no reason to refuse the call (spec §7.2): it gets the default, and is counted.
    private TimeSpan ReadTimeout(HttpContext http, TimeSpan defaultTimeout, TimeSpan maxTimeout)
    {
        if (http.Request.Headers.GrpcTimeout is not { Count: > 0 } text) return defaultTimeout;
        if (GrpcTimeout.TryDecode(text.ToString(), out var timeout)) return DeadlineBudget.Accept(timeout, maxTimeout);
        telemetry.CountBadTimeout();
        return defaultTimeout;
    }

    private IRequestValidator<TRequest>? FindValidator<TRequest>() => endpoints.ServiceProvider.GetService<IRequestValidator<TRequest>>();

    private static TDelegate Find<TDelegate>(string name) where TDelegate : Delegate
    {
        var types = typeof(TDelegate).GetMethod("Invoke")!.GetParameters().Skip(1).Select(parameter => parameter.ParameterType).ToArray();
        var method = typeof(TService).GetMethod(name, BindingFlags.Public | BindingFlags.Instance, types)
            ?? throw new InvalidOperationException($"{typeof(TService)} has no public method {name} that fits the contract.");
        return method.CreateDelegate<TDelegate>();
    }

    private TService CreateService(ServerCallContext context)
    {
        var call = context as ServerCall ?? throw new InvalidOperationException("An interceptor has to pass on the context that it was given.");
        var service = _create(_singletons ?? call.Http.RequestServices, []);
        if (service is IAsyncDisposable or IDisposable) call.Http.Response.RegisterForDisposeAsync(new Owned(service));
        return service;
    }

    private sealed class Owned(TService service) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            if (service is IAsyncDisposable disposable) return disposable.DisposeAsync();
            (service as IDisposable)?.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
