using System.Globalization;
using System.Text;

namespace FeedMall.Testing.Breaking;

/// <summary>The scenarios under every kind of breaker, as Markdown tables.</summary>
public static class BreakerTable
{
    private static readonly string[] s_kinds = [.. BreakerScenarios.Kinds.Keys];

    /// <summary>Shares of the limited target, in percent of what is offered.</summary>
    public static string Limited()
    {
        var runs = s_kinds.ToDictionary(kind => kind, kind => BreakerScenarios.Limited(kind));
        return Table("of the calls", [
            Row("done", kind => Percent(runs[kind], second => second.Ok)),
            Row("reached the target in vain", kind => Percent(runs[kind], second => second.Failed)),
            Row("dropped", kind => Percent(runs[kind], second => second.Dropped))]);
    }

    /// <summary>Shares that are dropped for each share of successes.</summary>
    public static string Flaky() => Table("the target does", [.. ((double[])[0.9, 0.7, 0.62, 0.58, 0.5, 0.3]).Select(share =>
        Row(Write($"{100 * share:0} %"), kind => Percent(BreakerScenarios.Flaky(kind, share), second => second.Dropped)))]);

    /// <summary>Recovery, probes and trip over three seeds.</summary>
    public static string Outage() => Table("calls per second: figure", [.. ((double[])[20, 200, 1000]).SelectMany(perSecond =>
    {
        var runs = s_kinds.ToDictionary(kind => kind, kind => Enumerable.Range(1, 3).Select(seed => BreakerScenarios.Outage(kind, perSecond, seed)).ToList());
        return new[]
        {
            Row(Write($"{perSecond:0}/s: recovery after, s"), kind => Range(runs[kind].Select(run => run.RecoveredAfter(BreakerScenarios.OutageTo)))),
            Row(Write($"{perSecond:0}/s: probes in the last 10 s of the outage"), kind => Range(runs[kind].Select(run => (int?)run.Between(20, 30).Failed))),
            Row(Write($"{perSecond:0}/s: half is dropped after, s"), kind => Range(runs[kind].Select(run => run.TrippedAfter(BreakerScenarios.OutageFrom)))),
        };
    })]);

    private static string Percent(BreakerRun run, Func<BreakerSecond, int> of) => Write($"{run.Percent(of, 60, 120):0.0} %");

    private static string Range(IEnumerable<int?> values)
    {
        var sorted = values.Order().ToList();
        if (sorted[0] is null) return "never";
        return sorted[0] == sorted[^1] ? Write($"{sorted[0]}") : Write($"{sorted[0]}–{sorted[^1]}");
    }

    private static string Row(string name, Func<string, string> cell) => $"| {name} | {string.Join(" | ", s_kinds.Select(cell))} |";

    private static string Table(string corner, IEnumerable<string> rows) => new StringBuilder()
        .AppendLine(CultureInfo.InvariantCulture, $"| {corner} | {string.Join(" | ", s_kinds)} |")
        .AppendLine(CultureInfo.InvariantCulture, $"| --- |{string.Concat(s_kinds.Select(_ => " ---: |"))}")
        .AppendJoin('\n', rows).ToString();

    private static string Write(FormattableString text) => FormattableString.Invariant(text);
}
