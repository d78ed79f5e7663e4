using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>The defaults that docs/CONFIG.md names are those of the programs: in the service's settings file, or else in code.</summary>
public sealed partial class DefaultsTests
{
    private static readonly (string Service, string File)[] s_services = [("Bff", "Bff/bff.json"), ("Feed", "Domain.Feed/feed.json"), ("Mall", "Domain.Mall/mall.json"), ("Kv", "KvStore/kv.json")];

    [Fact]
    public void Every_documented_default_is_the_one_that_a_service_starts_with()
    {
        var rows = Rows(Repository.Read("docs/CONFIG.md").Text).ToList();
        Assert.True(rows.Count > 15, $"only {rows.Count} rows were read");
        Rule.Holds(rows.SelectMany(Findings), "Correct the row in docs/CONFIG.md, or give the setting this default in code or in each service's settings file:");
    }

    [Theory]
    [InlineData("| `{Service}:Url` | Bff `http://127.0.0.1:8080`, Feed `http://127.0.0.1:1`, Mall `http://127.0.0.1:8082` | … |", "Feed:Url")]
    [InlineData("| `{Service}:Url` | none | … |", "Bff:Url")]
    [InlineData("| `{Service}:IdWorker` | Feed `1`, Mall `3` | … |", "Mall:IdWorker")]
    [InlineData("| `Bff:RequestTimeout` | `00:00:02` | … |", "Bff:RequestTimeout")]
    [InlineData("| `Log:Format` | `text` | … |", "Log:Format")]
    [InlineData("| `Otlp:Endpoint` | `http://127.0.0.1:4317` | … |", "Otlp:Endpoint")]
    public void A_wrong_default_is_found(string page, string key) =>
        Assert.Contains(Rows(page).SelectMany(Findings), finding => finding.StartsWith($"{key} ", StringComparison.Ordinal));

    private static IEnumerable<(string Key, string Default)> Rows(string page) => page.Split('\n')
        .Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('|'))
        .Select(cells => (cells[1].Trim(' ', '`'), cells[2].Trim()));

    private static IEnumerable<string> Findings((string Key, string Default) row)
    {
        if (Settings.Types().FirstOrDefault(type => Settings.Keys(type).Contains(row.Key)) is not { } type) yield break;
        var inCode = Settings.DefaultOf(type, row.Key);
        foreach (var (service, file) in s_services)
        {
            // A row that names services is about those only.
            var ofServices = OfService().Matches(row.Default).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
            if (ofServices.Count > 0 && !ofServices.ContainsKey(service)) continue;
            var key = row.Key.Replace("{Service}", service, StringComparison.Ordinal);
            var shipped = new ConfigurationBuilder().AddJsonFile(Path.Combine(Repository.Root, file)).Build();
            var documented = ofServices.GetValueOrDefault(service) ?? Value().Match(row.Default).Groups[1].Value;
            var actual = shipped[key] ?? Write(inCode);
            if (documented != actual) yield return $"{key} is documented as '{documented}', but is '{actual}'";
        }
    }

    private static string Write(object? value) => value switch
    {
        null => "",
        bool flag => flag ? "true" : "false",
        TimeSpan time => time.ToString(time.Milliseconds == 0 ? @"hh\:mm\:ss" : @"hh\:mm\:ss\.fff", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    [GeneratedRegex("(Bff|Feed|Mall|Kv) `([^`]+)`")]
    private static partial Regex OfService();

    // A cell without a value in code marks says in words that there is none: "none", "machine name and process id".
    [GeneratedRegex("^`([^`]+)`")]
    private static partial Regex Value();
}
