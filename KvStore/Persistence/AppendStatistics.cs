using System.Diagnostics.Metrics;

namespace FeedMall.KvStore.Persistence;

/// <summary>What the append-only file has cost. Each number has one writer: the writing thread or the rewrite.</summary>
internal sealed class AppendStatistics
{
    public long WrittenBytes { get; set; }

    public long Syncs { get; private set; }

    public long Failures { get; set; }

    /// <summary>Bytes of all files, as of the last second.</summary>
    public long TotalBytes { get; set; }

    /// <summary>Bytes of the base.</summary>
    public long BaseBytes { get; set; }

    public bool IsRewriting { get; set; }

    public long Rewrites { get; set; }

    public bool LastRewriteFailed { get; set; }

    /// <summary>-1: there was none.</summary>
    public long LastRewriteSeconds { get; set; } = -1;

    public double LoadSeconds { get; set; }

    public Histogram<double>? SyncDuration { get; set; }

    public void Synced(TimeSpan took)
    {
        Syncs++;
        SyncDuration?.Record(took.TotalSeconds);
    }
}
