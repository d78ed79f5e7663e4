using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Rpc.Server;

/// <summary>Puts gRPC services into an ASP.NET Core application; the calls read like those of other .NET gRPC servers.</summary>
public static class RpcServerRegistration
{
    /// <summary>Adds what gRPC services need.</summary>
    public static IServiceCollection AddGrpc(this IServiceCollection services, Action<GrpcServiceOptions>? configure = null) =>
        throw new NotImplementedException();

    /// <summary>
    /// Answers the methods of <typeparamref name="TService"/>, a class derived from a generated base. A new instance, with its
    /// constructor's parameters from the container, serves each call.
    /// </summary>
    public static IEndpointConventionBuilder MapGrpcService<TService>(this IEndpointRouteBuilder endpoints) where TService : class =>
        throw new NotImplementedException();
}
