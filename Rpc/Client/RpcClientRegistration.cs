using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace FeedMall.Rpc.Client;

/// <summary>Puts typed gRPC clients into the container.</summary>
public static class RpcClientRegistration
{
    /// <summary>Adds the generated client <typeparamref name="TClient"/> with a channel of its own name; clients of one address share connections.</summary>
    public static IServiceCollection AddGrpcClient<TClient>(
        this IServiceCollection services, Action<IServiceProvider, GrpcClientOptions> configure)
        where TClient : ClientBase<TClient>
    {
        services.AddMetrics();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<RpcTelemetry>();
        services.TryAddSingleton<ChannelPool>();
        return services.AddSingleton(provider =>
        {
            var options = new GrpcClientOptions();
            configure(provider, options);
            var invoker = provider.GetRequiredService<ChannelPool>().Get(options).CreateCallInvoker();
            return (TClient)Activator.CreateInstance(typeof(TClient), invoker)!;
        });
    }

    /// <summary>The channels of one container; they are closed with it.</summary>
    private sealed class ChannelPool(RpcTelemetry telemetry, TimeProvider clock) : IDisposable
    {
        private readonly ConcurrentDictionary<(string, TimeSpan, TimeSpan, TimeSpan?, int, int?, object?), Lazy<RpcChannel>> _channels = new();

        public RpcChannel Get(GrpcClientOptions options) =>
            _channels.GetOrAdd(
                (string.Join(',', options.Addresses), options.DefaultTimeout, options.MinTimeout, options.NetworkAllowance, options.MaxReceiveMessageBytes,
                    options.MaxSendMessageBytes, options.ConfigureHandler),
                _ => new Lazy<RpcChannel>(() => new RpcChannel(options, telemetry, clock))).Value;

        public void Dispose()
        {
            foreach (var channel in _channels.Values)
            {
                if (channel.IsValueCreated) channel.Value.Dispose();
            }
        }
    }
}
