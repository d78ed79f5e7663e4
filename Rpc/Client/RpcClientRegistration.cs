using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Rpc.Client;

/// <summary>Puts typed gRPC clients into the container.</summary>
public static class RpcClientRegistration
{
    /// <summary>
    /// Adds the generated client <typeparamref name="TClient"/>. Clients whose options name the same <see cref="GrpcClientOptions.Channel"/>
    /// share its connections.
    /// </summary>
    public static IServiceCollection AddGrpcClient<TClient>(
        this IServiceCollection services, Action<IServiceProvider, GrpcClientOptions> configure)
        where TClient : ClientBase<TClient> => throw new NotImplementedException();
}
