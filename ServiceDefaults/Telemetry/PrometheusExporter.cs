using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace FeedMall.ServiceDefaults.Telemetry;

/// <summary>Collects on demand and renders Prometheus text. One scrape at a time; another one waits for it.</summary>
internal sealed class PrometheusExporter : IDisposable
{
    private static readonly TimeSpan CollectTimeout = TimeSpan.FromSeconds(5);

    // Guards the text of the scrape that runs.
    private readonly Lock _gate = new();
    private readonly PullExporter _exporter = new();

    public PrometheusExporter() => Reader = new BaseExportingMetricReader(_exporter);

    /// <summary>What the meter provider reads through.</summary>
    public MetricReader Reader { get; }

    /// <summary>Everything as of now; null when it could not be collected in time.</summary>
    public string? Scrape()
    {
        lock (_gate) return _exporter.Collect?.Invoke((int)CollectTimeout.TotalMilliseconds) == true ? _exporter.Text : null;
    }

    public void Dispose() => Reader.Dispose();

    [ExportModes(ExportModes.Pull)]
    private sealed class PullExporter : BaseExporter<Metric>, IPullMetricExporter
    {
        public Func<int, bool>? Collect { get; set; }

        public string Text { get; set; } = "";

        public override ExportResult Export(in Batch<Metric> batch)
        {
            var writer = new PrometheusWriter();
            foreach (var metric in batch) writer.Add(metric);
            Text = writer.ToString();
            return ExportResult.Success;
        }
    }
}
