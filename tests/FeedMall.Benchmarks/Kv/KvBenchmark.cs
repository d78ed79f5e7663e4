using System.Globalization;
using System.Text;

namespace FeedMall.Benchmarks.Kv;

/// <summary>What is measured, and how much of it.</summary>
internal sealed record KvPlan(int Rounds, int Operations, int Entries, TimeSpan Duration);

/// <summary>Everything that the page of results says of the key-value store, most of it beside redis-server in the same run.</summary>
internal static class KvBenchmark
{
    private static readonly (string Name, Func<KvPlan, Task<string>> Measure)[] s_parts =
    [
        ("speed", KvSpeed.MeasureAsync), ("append", KvAppend.MeasureAsync), ("expiry", KvExpiry.MeasureAsync), ("flush", Pauses.MeasureAsync),
        ("mixes", KvMixes.MeasureAsync), ("hostile", KvHostile.MeasureAsync), ("reads", KvReads.MeasureAsync),
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        var conditions = await Conditions.DescribeAsync();
        var quick = args.Contains("--quick");
        var plan = new KvPlan(
            Number(args, "--rounds", quick ? 1 : 3),
            Number(args, "--operations", quick ? 50_000 : 1_000_000),
            Number(args, "--entries", quick ? 100_000 : 1_000_000),
            TimeSpan.FromSeconds(Number(args, "--seconds", quick ? 1 : 5)));
        var wanted = s_parts.Where(part => args.Contains(part.Name) || args.Contains("--" + part.Name)).ToList();
        var page = new StringBuilder();
        page.AppendLine("# The key-value store beside redis-server").AppendLine()
            .AppendLine("Both servers run on this machine at once and are measured in turns; the load runs beside them, so read the ratios and not the absolute figures.").AppendLine()
            .AppendLine("Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- kv --out docs/results/kv.md`.")
            .AppendLine(conditions).AppendLine(quick ? "\nA short run, to see that it works: these figures say nothing.\n" : "");
        foreach (var (name, measure) in wanted.Count > 0 ? [.. wanted] : s_parts)
        {
            Console.Error.WriteLine($"measuring: {name}");
            var section = await measure(plan);
            Console.WriteLine(section);
            page.Append(section).AppendLine();
        }
        var at = Array.IndexOf(args, "--out");
        if (at >= 0 && at + 1 < args.Length) await File.WriteAllTextAsync(args[at + 1], page.ToString().TrimEnd() + "\n");
        else Console.WriteLine(conditions);
        return 0;
    }

    private static int Number(string[] args, string name, int otherwise)
    {
        var at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : otherwise;
    }
}
