using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace FeedMall.ServiceDefaults.Telemetry;

/// <summary>
/// Renders metrics in Prometheus' text format 0.0.4: per family a HELP and a TYPE line, then its samples. Names get their unit and
/// "_total" where Prometheus expects them: http.server.request.duration in s becomes http_server_request_duration_seconds.
/// </summary>
internal sealed class PrometheusWriter
{
    // All samples of a family must stand together, also when two meters have an instrument of the same name.
    private readonly Dictionary<string, (string Head, StringBuilder Samples)> _families = new(StringComparer.Ordinal);

    /// <summary>Adds every point of a metric.</summary>
    public void Add(Metric metric)
    {
        var (type, isCounter) = metric.MetricType switch
        {
            MetricType.LongSum or MetricType.DoubleSum => ("counter", true),
            MetricType.Histogram => ("histogram", false),
            MetricType.ExponentialHistogram => ("", false),
            _ => ("gauge", false),
        };
        // Prometheus' text format cannot carry exponential histograms; nothing here makes them.
        if (type.Length == 0) return;
        var name = FamilyName(metric.Name, metric.Unit, isCounter);
        var samples = Family(name, type, metric.Description);
        foreach (ref readonly var point in metric.GetMetricPoints()) AddPoint(samples, name, metric.MetricType, point);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (head, samples) in _families.Values) text.Append(head).Append(samples);
        return text.ToString();
    }

    /// <summary>The name of a family in Prometheus' alphabet, with its unit.</summary>
    internal static string FamilyName(string name, string? unit, bool isCounter)
    {
        var text = new StringBuilder(name.Length + 16);
        foreach (var c in name) text.Append(char.IsAsciiLetterOrDigit(c) || c == ':' ? c : '_');
        if (char.IsAsciiDigit(text[0])) text.Insert(0, '_');
        var suffix = unit switch { "s" => "_seconds", "ms" => "_milliseconds", "By" => "_bytes", _ => "" };
        if (suffix.Length > 0 && !name.EndsWith(suffix, StringComparison.Ordinal)) text.Append(suffix);
        if (isCounter && !name.EndsWith("total", StringComparison.Ordinal)) text.Append("_total");
        return text.ToString();
    }

    private StringBuilder Family(string name, string type, string help)
    {
        if (!_families.TryGetValue(name, out var family))
        {
            var text = help.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);
            _families[name] = family = ($"# HELP {name} {text}\n# TYPE {name} {type}\n", new StringBuilder());
        }
        return family.Samples;
    }

    private static void AddPoint(StringBuilder samples, string name, MetricType type, in MetricPoint point)
    {
        var labels = Labels(point.Tags);
        switch (type)
        {
            case MetricType.LongSum or MetricType.LongSumNonMonotonic:
                Sample(samples, name, labels, point.GetSumLong());
                break;
            case MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic:
                Sample(samples, name, labels, point.GetSumDouble());
                break;
            case MetricType.LongGauge:
                Sample(samples, name, labels, point.GetGaugeLastValueLong());
                break;
            case MetricType.DoubleGauge:
                Sample(samples, name, labels, point.GetGaugeLastValueDouble());
                break;
            default:
                Histogram(samples, name, labels, point);
                break;
        }
    }

    private static void Histogram(StringBuilder samples, string name, string labels, in MetricPoint point)
    {
        var cumulative = 0L;
        var prefix = labels.Length > 0 ? labels + "," : "";
        foreach (var bucket in point.GetHistogramBuckets())
        {
            cumulative += bucket.BucketCount;
            Sample(samples, name + "_bucket", $"{prefix}le=\"{Number(bucket.ExplicitBound)}\"", cumulative);
        }
        Sample(samples, name + "_sum", labels, point.GetHistogramSum());
        Sample(samples, name + "_count", labels, cumulative);
    }

    private static void Sample(StringBuilder samples, string name, string labels, double value)
    {
        samples.Append(name);
        if (labels.Length > 0) samples.Append('{').Append(labels).Append('}');
        samples.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Labels(ReadOnlyTagCollection tags)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in tags)
        {
            if (text.Length > 0) text.Append(',');
            foreach (var c in key) text.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
            var shown = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            text.Append("=\"").Append(shown.Replace("\\", @"\\", StringComparison.Ordinal)
                .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal)).Append('"');
        }
        return text.ToString();
    }

    private static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf"
        : double.IsNegativeInfinity(value) ? "-Inf"
        : double.IsNaN(value) ? "NaN"
        : value.ToString("R", CultureInfo.InvariantCulture);
}
