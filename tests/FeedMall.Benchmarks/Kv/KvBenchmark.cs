using System.Globalization;

namespace FeedMall.Benchmarks.Kv;

/// <summary>What is measured, and how much of it.</summary>
internal sealed record KvPlan(int Rounds, int Operations, int Entries, TimeSpan Duration);

/// <summary>Everything that the page of results says of the key-value store, most of it beside redis-server in the same run.</summary>
internal static class KvBenchmark
{
    private const string Head = """
        # The key-value store beside redis-server

        Both servers run on this machine at once and are measured in turns; the load runs beside them, so read the ratios and not the absolute figures.

        Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- kv --out docs/results/kv.md`, part by part; under each part stands where it was measured.
        """;
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
        var at = Array.IndexOf(args, "--out");
        var target = at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
        var wanted = s_parts.Where(part => args.Contains(part.Name) || args.Contains("--" + part.Name)).ToList();
        foreach (var (name, measure) in wanted.Count > 0 ? [.. wanted] : s_parts)
        {
            Console.Error.WriteLine($"measuring: {name}");
            var section = $"{(await measure(plan)).TrimEnd()}\n\n{(quick ? "A short run, to see that it works: these figures say nothing. " : "")}{conditions}\n";
            Console.WriteLine(section);
            if (target is not null) await ReplaceAsync(target, section);
        }
        return 0;
    }

    // A part takes the place of the one with the same heading; what else stands on the page stays.
    private static async Task ReplaceAsync(string file, string section)
    {
        var heading = section[..(section.IndexOf('\n', StringComparison.Ordinal) + 1)];
        var parts = File.Exists(file) ? (await File.ReadAllTextAsync(file)).TrimEnd().Split("\n\n## ").ToList() : [Head.TrimEnd()];
        var place = parts.FindIndex(1, part => $"## {part}\n".StartsWith(heading, StringComparison.Ordinal));
        if (place < 0) parts.Add("");
        parts[place < 0 ? parts.Count - 1 : place] = section["## ".Length..].TrimEnd();
        await File.WriteAllTextAsync(file, string.Join("\n\n## ", parts) + "\n");
    }

    private static int Number(string[] args, string name, int otherwise)
    {
        var at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : otherwise;
    }
}
