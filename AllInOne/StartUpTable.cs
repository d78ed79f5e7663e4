using System.Text;

namespace FeedMall.AllInOne;

/// <summary>What a person sees when everything runs: where to click.</summary>
internal static class StartUpTable
{
    /// <summary>The table, with a line for each thing that can be opened.</summary>
    public static string Render(IReadOnlyList<(string What, string Where)> rows, string dataDirectory, string password)
    {
        var width = rows.Max(row => row.What.Length);
        var text = new StringBuilder().AppendLine().AppendLine("FeedMall is up. Open one of these:").AppendLine();
        foreach (var (what, where) in rows) text.Append("  ").Append(what.PadRight(width)).Append("  ").AppendLine(where);
        return text.AppendLine()
            .Append("  Log in as \"ada\" with the password \"").Append(password).AppendLine("\" (demo data), or register.")
            .Append("  All data lies under ").Append(dataDirectory).AppendLine(". Ctrl+C stops everything.")
            .ToString();
    }
}
