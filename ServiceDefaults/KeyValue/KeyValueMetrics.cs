using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>Why the store did not do a command. The names are labels of a metric.</summary>
internal enum KeyValueFailure
{
    /// <summary>There is no connection.</summary>
    Disconnected,

    /// <summary>No answer in time.</summary>
    Timeout,

    /// <summary>The store answered with an error.</summary>
    Error,

    /// <summary>Too many commands wait for their answers.</summary>
    Busy,

    /// <summary>The breaker is open.</summary>
    Dropped,
}

/// <summary>What is measured of caches in the key-value store, and their spans.</summary>
internal sealed class KeyValueMetrics : IDisposable
{
    private const string Name = "FeedMall.Cache";

    private readonly Counter<long> _reads;
    private readonly Counter<long> _loads;
    private readonly Counter<long> _failures;
    private readonly Histogram<double> _durations;

    public KeyValueMetrics(IMeterFactory meters)
    {
        Meter = meters.Create(Name);
        _reads = Meter.CreateCounter<long>("feedmall.cache.reads", "{read}", "Entries that were asked for: hit, absent (known not to exist) or miss.");
        _loads = Meter.CreateCounter<long>("feedmall.cache.loads", "{load}", "Loads from the database because entries were missing.");
        _failures = Meter.CreateCounter<long>("feedmall.cache.failures", "{operation}", "Operations that the store did not do: disconnected, timeout, error, busy, dropped.");
        _durations = Meter.CreateHistogram<double>("feedmall.cache.operation.duration", "s", "Time of an operation, those that failed included.");
    }

    public Meter Meter { get; }

    public ActivitySource Activities { get; } = new(Name);

    public Activity? StartSpan(string cache, string operation)
    {
        var span = Activities.StartActivity("cache", ActivityKind.Client);
        span?.SetTag("cache", cache).SetTag("operation", operation);
        return span;
    }

    public void CountReads(string cache, string result, int count)
    {
        if (count > 0) _reads.Add(count, new("cache", cache), new("result", result));
    }

    public void CountLoad(string cache) => _loads.Add(1, new KeyValuePair<string, object?>("cache", cache));

    public void CountFailure(string cache, string failure) => _failures.Add(1, new("cache", cache), new("reason", failure));

    public void Record(string cache, string operation, TimeSpan duration) =>
        _durations.Record(duration.TotalSeconds, new("cache", cache), new("operation", operation));

    public void Dispose() => Activities.Dispose();
}
