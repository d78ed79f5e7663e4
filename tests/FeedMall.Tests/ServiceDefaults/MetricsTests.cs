using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using FeedMall.Domain.Mall;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Telemetry;
using FeedMall.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults;

public sealed partial class MetricsTests
{
    [Fact]
    public void Counters_gauges_and_histograms_come_out_as_Prometheus_reads_them()
    {
        using var meter = new Meter("FeedMall.MetricsTests");
        using var exporter = new PrometheusExporter();
        using var provider = Sdk.CreateMeterProviderBuilder().AddMeter(meter.Name).AddReader(exporter.Reader)
            .AddView("test.wait", new ExplicitBucketHistogramConfiguration { Boundaries = [0.5, 1] }).Build();
        meter.CreateCounter<long>("test.calls", "{call}", "Calls.\nAll of \\them.").Add(3, new KeyValuePair<string, object?>("the.path", "a\"b\\c\nd"));
        meter.CreateObservableGauge("test.size", () => 2.5, "By", "Size.");
        var wait = meter.CreateHistogram<double>("test.wait", "s", "Wait.");
        foreach (var value in new[] { 0.25, 0.75, 0.75, 9 }) wait.Record(value);

        Assert.Equal(
            """
            # HELP test_calls_total Calls.\nAll of \\them.
            # TYPE test_calls_total counter
            test_calls_total{the_path="a\"b\\c\nd"} 3
            # HELP test_size_bytes Size.
            # TYPE test_size_bytes gauge
            test_size_bytes 2.5
            # HELP test_wait_seconds Wait.
            # TYPE test_wait_seconds histogram
            test_wait_seconds_bucket{le="0.5"} 1
            test_wait_seconds_bucket{le="1"} 3
            test_wait_seconds_bucket{le="+Inf"} 4
            test_wait_seconds_sum 10.75
            test_wait_seconds_count 4

            """.ReplaceLineEndings("\n"),
            exporter.Scrape());
    }

    [Fact]
    public async Task The_governor_serves_metrics_that_are_well_formed_and_only_of_its_own_service()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var one = await StartAsync(folder.Path);
        using var otherFolder = new TemporaryFolder();
        await using var other = await StartAsync(otherFolder.Path);
        using var meter = other.Services.GetRequiredService<IMeterFactory>().Create("FeedMall.OfTheOther");
        meter.CreateCounter<long>("of.the.other").Add(1);

        using var http = new HttpClient();
        var text = await http.GetStringAsync(new Uri(one.GovernorAddress()!, "metrics"), cancel);
        AssertWellFormed(text);
        Assert.Contains("dotnet_gc_collections_total", text, StringComparison.Ordinal);
        Assert.DoesNotContain("of_the_other", text, StringComparison.Ordinal);
        Assert.Contains("of_the_other", await http.GetStringAsync(new Uri(other.GovernorAddress()!, "metrics"), cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ready_turns_into_not_ready_when_the_database_is_gone_but_the_process_stays_alive()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var mall = await StartAsync(folder.Path);
        using var http = new HttpClient { BaseAddress = mall.GovernorAddress() };
        Assert.Equal(200, (int)(await http.GetAsync("/readyz", cancel)).StatusCode);
        await mall.Services.GetRequiredService<FeedMall.ServiceDefaults.Database.ServiceDatabase>().DisposeAsync();
        Directory.Delete(folder.Path, recursive: true);
        var notReady = await http.GetAsync("/readyz", cancel);
        Directory.CreateDirectory(folder.Path);
        Assert.Equal(503, (int)notReady.StatusCode);
        Assert.Equal("""{"status":"Unhealthy","checks":{"started":"Healthy","database":"Unhealthy","cache":"Healthy"}}""", await notReady.Content.ReadAsStringAsync(cancel));
        Assert.Equal(200, (int)(await http.GetAsync("/healthz", cancel)).StatusCode);
    }

    private static async Task<WebApplication> StartAsync(string folder)
    {
        var app = MallApp.Build([
            $"--DataDirectory={folder}", "--Mall:Url=http://127.0.0.1:0", "--Mall:GovernorUrl=http://127.0.0.1:0", "--Mall:Cache:Enabled=false", "--Log:Format=text", "--Logging:LogLevel:Default=Warning"]);
        await app.StartServiceAsync();
        return app;
    }

    // The format's rules, read from its description and not from our writer.
    private static void AssertWellFormed(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        var families = new HashSet<string>();
        var family = "";
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                family = line.Split(' ')[2];
                Assert.True(families.Add(family), $"{family} stands twice");
            }
            else if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                Assert.Matches($"^# TYPE {family} (counter|gauge|histogram)$", line);
            }
            else
            {
                Assert.Matches(Sample(), line);
                Assert.StartsWith(family, line, StringComparison.Ordinal);
            }
        }
        Assert.NotEmpty(families);
    }

    [GeneratedRegex("""^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*")*\})? ([-+]?[0-9.]+(E[-+]?[0-9]+)?|[-+]Inf|NaN)$""")]
    private static partial Regex Sample();
}
