using FeedMall.Bff.Edge;
using FeedMall.Resilience;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>Puts the protections into the container.</summary>
internal static class ProtectionRegistration
{
    public static void AddProtection(this IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<ProtectionOptions>, ProtectionOptionsValidator>();
        services.AddOptions<ProtectionOptions>().BindConfiguration(ProtectionOptions.Section).ValidateOnStart();
        services.TryAddSingleton<IChance, SystemChance>();
        services.AddSingleton<TrustedProxies>();
        services.AddSingleton<Decisions>();
        services.AddSingleton<Admission>();
        services.AddSingleton<RateLimits>();
        services.AddSingleton<Dependencies>();
        services.AddSingleton<ProtectionControl>();
        services.AddSingleton<ProtectionEndpoints>();
        services.AddSingleton(provider => provider.GetRequiredService<ProtectionEndpoints>().ToPages());
    }
}
