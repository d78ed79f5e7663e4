using System.Globalization;
using System.Text;

namespace FeedMall.Benchmarks.Overload;

internal static class OverloadPage
{
    public static string Line(OverloadRun run, OverloadPlan plan)
    {
        var seconds = plan.Measured.TotalSeconds;
        var fates = run.Fates.Where(fate => fate.Arrival.At >= plan.Lead.Ticks).ToList();
        bool IsGood(Fate fate) => fate.Reply.Status == 200 && fate.Latency <= OverloadBenchmark.Deadline;
        var good = fates.Where(IsGood).ToList();
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{(run.IsOn ? "on" : "off")} {run.Load}×: offered {fates.Count / seconds:N0}/s good {good.Count / seconds:N0}/s p50 {At(good, .5):0} p99 {At(good, .99):0} ms; cpu gen {run.Cpu[0]:0.00} bff {run.Cpu[1]:0.00} up {run.Cpu[2]:0.00}; peak {run.PeakBytes >> 20} MB; lag p50 {Lag(fates, .5):0.0} p99 {Lag(fates, .99):0.0} max {Lag(fates, 1):0.0}");
        text.AppendLine("   good per tier: " + string.Join(", ", fates.GroupBy(fate => fate.Arrival.Tier).OrderBy(tier => tier.Key).Select(tier => $"{tier.Key} {100.0 * tier.Count(IsGood) / tier.Count():0.0} %")));
        text.AppendLine("   else: " + string.Join(", ", fates.Where(fate => !IsGood(fate)).GroupBy(fate => fate.Reply.Status == 200 ? "late" : $"{fate.Reply.Status} {fate.Reply.Reason}").Select(kind =>
            $"{kind.Key} {kind.Count() / seconds:0}/s p50 {At([.. kind], .5):0.0} p99 {At([.. kind], .99):0.0} ms ({string.Join('/', Enumerable.Range(0, 4).Select(tier => kind.Count(f => (int)f.Arrival.Tier == tier)))})")));
        text.Append("   by second: " + string.Join(' ', run.Fates.GroupBy(fate => fate.Arrival.At / TimeSpan.TicksPerSecond).OrderBy(second => second.Key).Select(second => second.Count(IsGood))));
        return text.ToString();
    }

    private static double At(IReadOnlyList<Fate> fates, double share) => Percentile(fates.Select(fate => fate.Latency.TotalMilliseconds), share);

    private static double Lag(IReadOnlyList<Fate> fates, double share) => Percentile(fates.Select(fate => fate.Lag.TotalMilliseconds), share);

    private static double Percentile(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
    }
}
