using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults;

/// <summary>Options of one type, made on trial.</summary>
internal interface IOptionsTrial
{
    /// <summary>What is wrong with them as the settings are now; null: nothing.</summary>
    string? FindProblem();
}

/// <summary>Makes all options of a service on trial, so that settings are taken over as a whole or not at all.</summary>
/// <param name="registered">All that is in the container.</param>
internal sealed class SettingsTrial(IServiceCollection registered, IServiceProvider provider)
{
    /// <summary>What is wrong with the settings as they are now, with the names of the keys; null: nothing.</summary>
    public string? FindProblem()
    {
        var problems = registered.Select(service => service.ServiceType)
            .Where(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IOptionsChangeTokenSource<>))
            .Select(source => source.GenericTypeArguments[0]).Distinct()
            .Select(options => provider.GetRequiredService(typeof(IOptionsFactory<>).MakeGenericType(options)))
            .OfType<IOptionsTrial>().Select(trial => trial.FindProblem()).OfType<string>().ToList();
        return problems.Count > 0 ? string.Join(' ', problems) : null;
    }

    /// <summary>What is said of settings that cannot be made. Of what is in a dictionary the one that names it is inside.</summary>
    public static string Explain(Exception bad) => (bad.InnerException as InvalidOperationException ?? bad).Message;
}
