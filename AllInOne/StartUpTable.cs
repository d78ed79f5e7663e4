using System.Text;
using FeedMall.ServiceDefaults;

namespace FeedMall.AllInOne;

/// <summary>What a person sees when everything runs: where to click.</summary>
internal static class StartUpTable
{
    /// <summary>A line for each thing that can be opened.</summary>
    public static string Render(RunningServices services, bool hasDemoData)
    {
        var bff = services.Bff.Address().ToString().TrimEnd('/');
        var rows = new List<(string What, string Where)>
        {
            ("Start page", $"{bff}/"),
            ("Swagger", $"{bff}/swagger"),
            ("Home page (JSON)", $"{bff}/v1/pages/home"),
            ("Feed (JSON)", $"{bff}/v1/feed/posts"),
            ("Ready?", $"{bff}/readyz"),
            ("Domain.Feed (gRPC)", services.Feed.Address().ToString()),
            ("Domain.Mall (gRPC)", services.Mall.Address().ToString()),
            ("KvStore (RESP)", services.Kv.Address().ToString()),
        };
        foreach (var (name, service) in new[] { ("Bff", services.Bff), ("Domain.Feed", services.Feed), ("Domain.Mall", services.Mall), ("KvStore", services.Kv) })
        {
            if (service.GovernorAddress() is { } governor) rows.Add(($"{name} governor", $"{governor}metrics"));
        }
        var width = rows.Max(row => row.What.Length);
        var text = new StringBuilder().AppendLine().AppendLine("FeedMall is up:").AppendLine();
        foreach (var (what, where) in rows) text.Append("  ").Append(what.PadRight(width)).Append("  ").AppendLine(where);
        text.AppendLine();
        if (hasDemoData) text.AppendLine("  Log in as \"ada\" with the password \"feedmall-demo\", or register.");
        return text.Append("  All data lies in ").Append(services.DataDirectory).Append(". Ctrl+C stops everything.").ToString();
    }
}
