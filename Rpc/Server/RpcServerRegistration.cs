using System.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace FeedMall.Rpc.Server;

/// <summary>Puts gRPC services into an ASP.NET Core application; the calls read like those of other .NET gRPC servers.</summary>
public static class RpcServerRegistration
{
    /// <summary>Adds what gRPC services need.</summary>
    public static IServiceCollection AddGrpc(this IServiceCollection services, Action<GrpcServiceOptions>? configure = null)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<RpcTelemetry>();
        services.TryAddSingleton<ServerChain>();
        services.TryAddSingleton<GrpcServiceRegistry>();
        services.TryAddSingleton(provider =>
        {
            var (options, clock) = (provider.GetRequiredService<IOptions<GrpcServiceOptions>>().Value, provider.GetRequiredService<TimeProvider>());
            return new Pool<ServerCallParts>(() => new ServerCallParts(options, clock));
        });
        services.TryAddSingleton(new RegisteredServices(services));
        services.TryAddSingleton<Reflection.DescriptorIndex>();
        services.AddMetrics();
        services.AddRouting();
        services.AddHealthChecks();
        services.AddOptions<GrpcServiceOptions>()
            .Validate(
                options => options.DefaultTimeout > TimeSpan.Zero && options.DefaultTimeout <= options.MaxTimeout && options.MaxTimeout <= Wire.GrpcTimeout.Max
                    && options.DefaultStreamTimeout > TimeSpan.Zero && options.DefaultStreamTimeout <= Wire.GrpcTimeout.Max,
                "The default timeouts of a gRPC server must be between 1 ms and 30 days, and DefaultTimeout at most MaxTimeout.")
            .Validate(options => options.ResponseCompression is null or Wire.Compression.Gzip or Wire.Compression.Identity, "ResponseCompression is gzip or nothing.")
            .Validate(options => options.MaxReceiveMessageBytes > 0, "MaxReceiveMessageBytes must be more than 0.");
        if (configure is not null) services.Configure(configure);
        return services;
    }

    /// <summary>Answers grpc.reflection.v1 and v1alpha, so that tools can list the services and describe their messages.</summary>
    public static IEndpointConventionBuilder MapGrpcReflection(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<Reflection.ReflectionV1AlphaService>();
        return endpoints.MapGrpcService<Reflection.ReflectionService>();
    }

    /// <summary>
    /// Answers the methods of <typeparamref name="TService"/>, a class derived from a generated base. A new instance, with its
    /// constructor's parameters from the container, serves each call. The first service that is mapped brings grpc.health.v1.Health along.
    /// </summary>
    public static IEndpointConventionBuilder MapGrpcService<TService>(this IEndpointRouteBuilder endpoints) where TService : class
    {
        var services = endpoints.ServiceProvider;
        var registry = services.GetService<GrpcServiceRegistry>()
            ?? throw new InvalidOperationException("Call services.AddGrpc() before MapGrpcService.");
        var (options, telemetry) = (services.GetRequiredService<IOptions<GrpcServiceOptions>>().Value, services.GetRequiredService<RpcTelemetry>());
        var binder = new ServiceBinder<TService>(
            endpoints, services.GetRequiredService<ServerChain>(), options, telemetry, services.GetRequiredService<Pool<ServerCallParts>>(), services.GetRequiredService<TimeProvider>());
        Bind(binder);
        registry.Add(binder.Services, FindDescriptor<TService>());
        if (registry.TakeFallback())
        {
            MapUnknown(endpoints, options, telemetry);
            endpoints.MapGrpcService<Health.HealthService>();
        }
        return new Conventions(binder.Endpoints);
    }

    // A route for every path would be looked at, and its values be made, also for calls of known methods. So unknown ones are found by
    // having no route, wherever the pipeline is at hand.
    private static void MapUnknown(IEndpointRouteBuilder endpoints, GrpcServiceOptions options, RpcTelemetry telemetry)
    {
        if (endpoints is IApplicationBuilder app)
        {
            app.Use(next => http =>
            {
                if (http.GetEndpoint() is not null || !Wire.HeaderNames.IsGrpc(http.Request.ContentType)) return next(http);
                ServerProtocol.AnswerUnknown(http, options, telemetry);
                return Task.CompletedTask;
            });
            return;
        }
        endpoints.Map("{**path}", http =>
        {
            ServerProtocol.AnswerUnknown(http, options, telemetry);
            return Task.CompletedTask;
        }).WithDisplayName("gRPC unknown method").WithOrder(int.MaxValue);
    }

    // Generated code names the descriptor of a service "Descriptor" in the static class that binds it.
    private static Google.Protobuf.Reflection.ServiceDescriptor? FindDescriptor<TService>() =>
        typeof(TService).GetCustomAttribute<BindServiceMethodAttribute>(inherit: true)!.BindType
            .GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) as Google.Protobuf.Reflection.ServiceDescriptor;

    // Generated code: static class X { static void BindService(ServiceBinderBase binder, XBase? service) }. Without a service it only
    // names the methods.
    private static void Bind<TService>(ServiceBinder<TService> binder) where TService : class
    {
        var attribute = typeof(TService).GetCustomAttribute<BindServiceMethodAttribute>(inherit: true)
            ?? throw new InvalidOperationException($"{typeof(TService)} is not derived from a generated service base.");
        var bind = attribute.BindType.GetMethods(BindingFlags.Public | BindingFlags.Static).Single(method =>
            method.Name == attribute.BindMethodName && method.GetParameters() is [{ ParameterType: var first }, _] && first == typeof(ServiceBinderBase));
        bind.Invoke(null, [binder, null]);
    }

    private sealed class Conventions(IReadOnlyList<IEndpointConventionBuilder> endpoints) : IEndpointConventionBuilder
    {
        public void Add(Action<EndpointBuilder> convention)
        {
            foreach (var endpoint in endpoints) endpoint.Add(convention);
        }
    }
}
