using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Edge;
using FeedMall.Resilience;
using FeedMall.Resilience.Queueing;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>Puts the protections into the container.</summary>
internal static class ProtectionRegistration
{
    public static void AddProtection(this IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<ProtectionOptions>, ProtectionOptionsValidator>();
        // Who misspells a setting believes that it holds.
        services.AddOptions<ProtectionOptions>().BindConfiguration(ProtectionOptions.Section, binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.TryAddSingleton<IChance, SystemChance>();
        services.AddSingleton<TrustedProxies>();
        services.AddSingleton<Decisions>();
        services.AddSingleton(provider => new UserCohort(provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Admission>();
        services.AddSingleton<RateLimits>();
        services.AddSingleton<Quotas>();
        services.AddHostedService<QuotaRenewal>();
        services.AddSingleton<CallLimits>();
        services.AddSingleton<Dependencies>();
        services.AddSingleton<Switches>();
        services.AddSingleton<Fallbacks>();
        services.AddSingleton<StandIns>();
        services.AddSingleton<DegradeOverview>();
        services.AddHostedService(provider => provider.GetRequiredService<StandIns>());
        services.AddOutputCache();
        services.AddOptions<OutputCacheOptions>().Configure<IServiceProvider>((cache, provider) =>
        {
            cache.MaximumBodySize = 1024 * 1024;
            cache.AddBasePolicy(new AnswerPolicy(provider.GetRequiredService<AnswerStore>(), provider.GetRequiredService<IOptionsMonitor<ProtectionOptions>>()));
        });
        services.AddSingleton<AnswerStore>();
        services.Replace(ServiceDescriptor.Singleton<IOutputCacheStore>(provider => provider.GetRequiredService<AnswerStore>()));
        services.AddSingleton<AnswerWays>();
        services.AddSingleton<AnswerFetcher>();
        services.AddSingleton<ProtectionParts>();
        services.AddSingleton<ProtectionControl>();
        services.AddSingleton<ProtectionEndpoints>();
        services.AddSingleton(provider => provider.GetRequiredService<ProtectionEndpoints>().ToPages());
    }
}
