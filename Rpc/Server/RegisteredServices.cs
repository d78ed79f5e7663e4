using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Rpc.Server;

/// <summary>What the application has registered: a gRPC service that needs only singletons is made without a scope of its own, which every call would pay for.</summary>
internal sealed class RegisteredServices(IServiceCollection services)
{
    /// <summary>Whether all that the constructor of a type takes are singletons.</summary>
    public bool AreSingletons(Type type) =>
        type.GetConstructors(BindingFlags.Public | BindingFlags.Instance) is [var constructor]
        && constructor.GetParameters().All(parameter => IsSingleton(parameter.ParameterType) && !parameter.IsDefined(typeof(FromKeyedServicesAttribute)));

    private bool IsSingleton(Type type)
    {
        var open = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        var registered = services.LastOrDefault(service => !service.IsKeyedService && service.ServiceType == type)
            ?? services.LastOrDefault(service => !service.IsKeyedService && service.ServiceType == open);
        return registered?.Lifetime == ServiceLifetime.Singleton;
    }
}
