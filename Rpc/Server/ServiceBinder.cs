using System.Reflection;
using FeedMall.Rpc.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Rpc.Server;

/// <summary>Turns the methods of a service into endpoints: one ordinary route each, "/package.Service/Method".</summary>
internal sealed class ServiceBinder<TService>(
    IEndpointRouteBuilder endpoints, ServerChain chain, GrpcServiceOptions options, RpcTelemetry telemetry, TimeProvider clock)
    : ServiceBinderBase
    where TService : class
{
    private readonly ObjectFactory<TService> _create = ActivatorUtilities.CreateFactory<TService>([]);

    public List<IEndpointConventionBuilder> Endpoints { get; } = [];

    public HashSet<string> Services { get; } = [];

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, TRequest, ServerCallContext, Task<TResponse>>>(method.Name);
        Map(method, options.DefaultTimeout, async call =>
        {
            var request = await ReadSingleAsync(call, method.RequestMarshaller);
            var service = _create(call.Http.RequestServices, []);
            try
            {
                call.End(method.ResponseMarshaller, await invoke(service, request, call));
            }
            finally
            {
                await DisposeAsync(service);
            }
        });
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task>>(method.Name);
        var isLong = invoke.Method.IsDefined(typeof(LongCallAttribute), inherit: true);
        Map(method, isLong ? GrpcTimeout.Max : options.DefaultStreamTimeout, async call =>
        {
            var request = await ReadSingleAsync(call, method.RequestMarshaller);
            var service = _create(call.Http.RequestServices, []);
            try
            {
                await invoke(service, request, new ResponseStream<TResponse>(call, method.ResponseMarshaller), call);
                call.End(call.Status, null);
            }
            finally
            {
                await DisposeAsync(service);
            }
        });
    }

    // Requests that stream are not carried yet; callers are told so in the protocol's words.
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) => MapUnsupported(method);

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) => MapUnsupported(method);

    private void MapUnsupported(IMethod method) => Map(method, options.DefaultStreamTimeout, _ =>
        throw new RpcException(new Status(StatusCode.Unimplemented, "Streaming requests are not supported yet.")));

    private void Map(IMethod method, TimeSpan defaultTimeout, ServerStep handle)
    {
        var run = chain.Around(handle);
        Services.Add(method.ServiceName);
        Endpoints.Add(endpoints.MapPost(method.FullName, async http =>
        {
            // Routes match regardless of case, gRPC paths do not.
            if (!string.Equals(http.Request.Path.Value, method.FullName, StringComparison.Ordinal))
            {
                await ServerProtocol.AnswerUnknown(http);
                return;
            }
            if (!ServerProtocol.TryAccept(http)) return;
            await using var call = new ServerCall(http, method, ReadTimeout(http, defaultTimeout), options, clock);
            await run(call);
        }).WithDisplayName($"gRPC {method.FullName}"));
    }

    // A time that cannot be read is no reason to refuse the call (spec §7.2): it gets the default, and is counted.
    private TimeSpan ReadTimeout(HttpContext http, TimeSpan defaultTimeout)
    {
        if (!http.Request.Headers.TryGetValue(HeaderNames.Timeout, out var text)) return defaultTimeout;
        if (GrpcTimeout.TryDecode(text.ToString(), out var timeout)) return timeout;
        telemetry.CountBadTimeout();
        return defaultTimeout;
    }

    private async Task<TRequest> ReadSingleAsync<TRequest>(ServerCall call, Marshaller<TRequest> marshaller) where TRequest : class
    {
        var reader = new MessageReader(call.Http.Request.BodyReader, options.MaxReceiveMessageBytes);
        var request = await reader.ReadAsync(marshaller, call.CancellationToken)
            ?? throw new RpcException(new Status(StatusCode.Unimplemented, "The request has no message; this method takes one."));
        if (await reader.ReadAsync(marshaller, call.CancellationToken) is not null)
            throw new RpcException(new Status(StatusCode.Unimplemented, "The request has more than one message; this method takes one."));
        return request;
    }

    private static TDelegate Find<TDelegate>(string name) where TDelegate : Delegate
    {
        var types = typeof(TDelegate).GetMethod("Invoke")!.GetParameters().Skip(1).Select(parameter => parameter.ParameterType).ToArray();
        var method = typeof(TService).GetMethod(name, BindingFlags.Public | BindingFlags.Instance, types)
            ?? throw new InvalidOperationException($"{typeof(TService)} has no public method {name} that fits the contract.");
        return method.CreateDelegate<TDelegate>();
    }

    private static ValueTask DisposeAsync(TService service)
    {
        if (service is IAsyncDisposable disposable) return disposable.DisposeAsync();
        (service as IDisposable)?.Dispose();
        return ValueTask.CompletedTask;
    }
}
