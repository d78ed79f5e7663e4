using FeedMall.Resilience.Queueing;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>Refuses bad settings, naming the key of each.</summary>
internal sealed class ProtectionOptionsValidator(EndpointDataSource routes) : IValidateOptions<ProtectionOptions>
{
    public ValidateOptionsResult Validate(string? name, ProtectionOptions options)
    {
        var errors = new List<string>();
        Check(errors, "Admission", () => options.Admission.ToLimiter().Check());
        Check(errors, "Admission", () => options.Admission.ToQueue().Check());
        Check(errors, "Dependencies", () => options.Dependencies.ToBulkhead().Check());
        Check(errors, "Dependencies", () => options.Dependencies.ToBreaker().Check());
        Check(errors, "Dependencies:Limit", () => options.Dependencies.Limit.ToLimiter(options.Dependencies.CallTimeout).Check());
        Check(errors, "Dependencies:Limit", () => options.Dependencies.Limit.ToQueue().Check());
        CheckCalls(errors, options.Dependencies);
        CheckCache(errors, options.Cache);
        CheckRates(errors, options.RateLimit);
        errors.AddRange(options.Quota.FindProblems().Select(problem => $"{ProtectionOptions.Section}:Quota:{problem}"));
        CheckDegrade(errors, options.Degrade);
        var unknown = options.Routes.Count > 0 ? options.Routes.Keys.Except(routes.Endpoints.Select(RoutePolicy.NameOf), StringComparer.Ordinal) : [];
        errors.AddRange(unknown.Select(route => $"{ProtectionOptions.Section}:Routes:{route}: there is no such route."));
        foreach (var (route, settings) in options.Routes) CheckRoute(errors, route, settings);
        return errors.Count > 0 ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;
    }

    // The mechanisms check their own options; here the name of the setting is put before what they say.
    private static void Check(List<string> errors, string part, Action check)
    {
        try
        {
            check();
        }
        catch (ArgumentOutOfRangeException bad)
        {
            errors.Add($"{ProtectionOptions.Section}:{part}:{NameOf(bad.ParamName)} is out of its range: {bad.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static string NameOf(string? parameter) => parameter switch
    {
        "Target" => nameof(AdmissionSettings.QueueTarget),
        "Interval" => nameof(AdmissionSettings.QueueInterval),
        "Capacity" => nameof(AdmissionSettings.QueueCapacity),
        "Places" => nameof(DependencySettings.BulkheadPlaces),
        "K" => nameof(DependencySettings.BreakerK),
        "Window" or null => "Window",
        _ => parameter,
    };

    private static void CheckCalls(List<string> errors, DependencySettings calls)
    {
        void Require(bool condition, string key, string text)
        {
            if (!condition) errors.Add($"{ProtectionOptions.Section}:Dependencies:{key} must be {text}.");
        }
        bool IsTime(TimeSpan time) => time >= TimeSpan.FromMilliseconds(5) && time <= BffOptionsValidator.Longest;
        Require(IsTime(calls.CallTimeout), nameof(calls.CallTimeout), "5 ms to 10 s");
        Require(IsTime(calls.WriteTimeout), nameof(calls.WriteTimeout), "5 ms to 10 s");
        foreach (var (method, settings) in calls.Methods)
        {
            Require(DomainMethods.All.ContainsKey(method), $"Methods:{method}", "the name of a method that the Bff calls, such as feedmall.feed.v1.Posts/GetPost");
            Require(settings.Timeout is not { } time || IsTime(time), $"Methods:{method}:{nameof(settings.Timeout)}", "5 ms to 10 s");
        }
        Require(calls.GutterPlaces is >= 1 and <= 1_000_000, nameof(calls.GutterPlaces), "1 to 1,000,000");
        Require(calls.RetryAttempts is >= 1 and <= 5, nameof(calls.RetryAttempts), "1 to 5");
        Require(calls.RetryWait >= TimeSpan.FromMilliseconds(1) && calls.RetryWait <= TimeSpan.FromSeconds(1), nameof(calls.RetryWait), "1 ms to 1 s");
        Require(calls.RetryBudget is >= 0 and <= 1, nameof(calls.RetryBudget), "0 to 1");
    }

    private static void CheckCache(List<string> errors, CacheSettings cache)
    {
        void Require(bool condition, string key, string text)
        {
            if (!condition) errors.Add($"{ProtectionOptions.Section}:Cache:{key} must be {text}.");
        }
        Require(cache.StaleWhileRevalidate >= TimeSpan.Zero && cache.StaleWhileRevalidate <= TimeSpan.FromHours(1), nameof(cache.StaleWhileRevalidate), "0 to 1 hour");
        Require(cache.StaleIfError >= cache.StaleWhileRevalidate && cache.StaleIfError <= TimeSpan.FromDays(1), nameof(cache.StaleIfError), "StaleWhileRevalidate to 1 day");
        Require(cache.HotTime >= TimeSpan.FromMilliseconds(10) && cache.HotTime <= TimeSpan.FromSeconds(3), nameof(cache.HotTime), "10 ms to 3 s");
        Require(cache.LocalBytes is >= 1 << 20 and <= 64L << 30, nameof(cache.LocalBytes), "1 MiB to 64 GiB, in bytes");
    }

    private static void CheckRates(List<string> errors, RateLimitSettings rates)
    {
        void Require(bool condition, string key, string text)
        {
            if (!condition) errors.Add($"{ProtectionOptions.Section}:RateLimit:{key} must be {text}.");
        }
        Require(IsRate(rates.NodeRate), nameof(rates.NodeRate), "0 (none) to 1,000,000,000 per second");
        Require(IsBurst(rates.NodeBurst), nameof(rates.NodeBurst), "1 to 1,000,000,000");
        Require(IsRate(rates.ClientRate), nameof(rates.ClientRate), "0 (none) to 1,000,000,000 per second");
        Require(IsBurst(rates.ClientBurst), nameof(rates.ClientBurst), "1 to 1,000,000,000");
        Require(rates.MaxClients is >= 1 and <= 1_000_000, nameof(rates.MaxClients), "1 to 1,000,000");
    }

    private static void CheckDegrade(List<string> errors, DegradeSettings degrade)
    {
        void Require(bool condition, string key, string text)
        {
            if (!condition) errors.Add($"{ProtectionOptions.Section}:Degrade:{key} must be {text}.");
        }
        Require(Enum.IsDefined(degrade.Feed), nameof(degrade.Feed), "auto, off or forced");
        Require(Enum.IsDefined(degrade.Mall), nameof(degrade.Mall), "auto, off or forced");
        Require(degrade.RenewInterval == TimeSpan.Zero || (degrade.RenewInterval >= TimeSpan.FromMilliseconds(100) && degrade.RenewInterval <= TimeSpan.FromMinutes(10)),
            nameof(degrade.RenewInterval), "0 (never) or 100 ms to 10 minutes");
        Require(degrade.KeepFor >= TimeSpan.FromSeconds(1) && degrade.KeepFor <= TimeSpan.FromDays(7), nameof(degrade.KeepFor), "1 s to 7 days");
    }

    private static void CheckRoute(List<string> errors, string route, RouteSettings settings)
    {
        void Require(bool condition, string key, string text)
        {
            if (!condition) errors.Add($"{ProtectionOptions.Section}:Routes:{route}:{key} must be {text}.");
        }
        Require(settings.Timeout is not { } time || (time >= BffOptionsValidator.Shortest && time <= BffOptionsValidator.Longest), nameof(settings.Timeout), "10 ms to 10 s");
        Require(settings.CacheTime is not { } kept || (kept >= TimeSpan.FromMilliseconds(100) && kept <= TimeSpan.FromHours(1)), nameof(settings.CacheTime), "100 ms to 1 hour");
        Require(settings.Criticality is not { } text || CriticalityTexts.TryParse(text, out _), nameof(settings.Criticality), "critical_plus, critical, sheddable_plus or sheddable");
        Require(Enum.IsDefined(settings.Degrade ?? SwitchState.Auto), nameof(settings.Degrade), "auto, off or forced");
        Require(IsRate(settings.Rate ?? 0), nameof(settings.Rate), "0 (none) to 1,000,000,000 per second");
        Require(IsBurst(settings.Burst ?? 1), nameof(settings.Burst), "1 to 1,000,000,000");
        Require(IsRate(settings.ClientRate ?? 0), nameof(settings.ClientRate), "0 (none) to 1,000,000,000 per second");
        Require(IsBurst(settings.ClientBurst ?? 1), nameof(settings.ClientBurst), "1 to 1,000,000,000");
    }

    private static bool IsRate(double rate) => rate is 0 or (>= 1e-6 and <= 1e9);

    private static bool IsBurst(double burst) => burst is >= 1 and <= 1e9;
}
