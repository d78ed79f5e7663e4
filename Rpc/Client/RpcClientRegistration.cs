using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Reflection;
using FeedMall.Resilience;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace FeedMall.Rpc.Client;

/// <summary>Puts typed gRPC clients into the container.</summary>
public static class RpcClientRegistration
{
    /// <summary>Adds the generated client <typeparamref name="TClient"/>; clients of one address with the same options share connections.</summary>
    public static IServiceCollection AddGrpcClient<TClient>(
        this IServiceCollection services, Action<IServiceProvider, GrpcClientOptions> configure)
        where TClient : ClientBase<TClient>
    {
        services.AddGrpcChannels();
        return services.AddSingleton(provider =>
        {
            var options = new GrpcClientOptions();
            configure(provider, options);
            var channel = provider.GetRequiredService<RpcChannels>().Get(options);
            channel.AddIdempotentMethods(IdempotentMethods(typeof(TClient)));
            var invoker = channel.CreateCallInvoker().Intercept([.. options.Interceptors]);
            return (TClient)Activator.CreateInstance(typeof(TClient), invoker)!;
        });
    }

    /// <summary>Adds what channels need, and <see cref="RpcChannels"/>, which makes them.</summary>
    public static IServiceCollection AddGrpcChannels(this IServiceCollection services)
    {
        services.AddMetrics();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IChance, SystemChance>();
        services.TryAddSingleton<RpcTelemetry>();
        services.TryAddSingleton<RpcChannels>();
        return services;
    }

    // Generated code: the client is nested in a static class that has the service's descriptor, and with it the options of the .proto.
    private static IEnumerable<string> IdempotentMethods(Type client) =>
        (client.DeclaringType?.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) as Google.Protobuf.Reflection.ServiceDescriptor)?
            .Methods.Where(method => method.GetOptions()?.IdempotencyLevel is MethodOptions.Types.IdempotencyLevel.NoSideEffects or MethodOptions.Types.IdempotencyLevel.Idempotent)
            .Select(method => $"/{method.Service.FullName}/{method.Name}") ?? [];
}

/// <summary>The channels of one container; they are closed with it.</summary>
public sealed class RpcChannels(RpcTelemetry telemetry, TimeProvider clock, IChance chance) : IDisposable
{
    private static readonly Uri[] s_noAddresses = [];
    private static readonly Interceptor[] s_noInterceptors = [];

    private readonly ConcurrentDictionary<(string, GrpcClientOptions), Lazy<RpcChannel>> _channels = new();

    /// <summary>Every channel that was made so far.</summary>
    public IEnumerable<RpcChannel> All => _channels.Values.Where(channel => channel.IsValueCreated).Select(channel => channel.Value);

    /// <summary>The channel for these options; a new one unless there is one with equal options.</summary>
    public RpcChannel Get(GrpcClientOptions options)
    {
        // What differs between clients of one channel, or does not compare by value, is no part of the key.
        var key = options with { Addresses = s_noAddresses, GutterAddresses = s_noAddresses, Interceptors = s_noInterceptors, IdempotentMethods = FrozenSet<string>.Empty };
        var channel = _channels.GetOrAdd(($"{string.Join(',', options.Addresses)} {string.Join(',', options.GutterAddresses)}", key), _ => new Lazy<RpcChannel>(() => new RpcChannel(options, telemetry, clock, chance))).Value;
        channel.AddIdempotentMethods(options.IdempotentMethods);
        return channel;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var channel in All) channel.Dispose();
    }
}
