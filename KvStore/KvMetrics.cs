using System.Diagnostics.Metrics;
using FeedMall.KvStore.Commands;

namespace FeedMall.KvStore;

/// <summary>What the governor's /metrics says of the store. Everything is counted where it happens, with plain numbers under the data lock, and read from here when somebody asks.</summary>
internal sealed class KvMetrics
{
    public KvMetrics(KvEngine engine, IMeterFactory meters)
    {
        var meter = meters.Create("FeedMall.KvStore");
        var (keys, traffic) = (engine.Keyspace, engine.Traffic);
        meter.CreateObservableCounter("feedmall.kv.commands", () => Ran(engine, command => command.Statistics.Calls), "{command}", "Commands that ran.");
        meter.CreateObservableCounter("feedmall.kv.commands.failed", () => Ran(engine, command => command.Statistics.Failed), "{command}", "Commands that ran and answered with an error.");
        meter.CreateObservableCounter("feedmall.kv.commands.rejected", () => Ran(engine, command => command.Statistics.Rejected), "{command}", "Commands that were refused before they ran.");
        meter.CreateObservableCounter("feedmall.kv.command.duration.bucket", () => Buckets(engine), "{command}", "Commands that took at most le seconds.");
        meter.CreateObservableCounter("feedmall.kv.command.time", () => Times(engine), "s", "Time in commands.");
        meter.CreateObservableGauge("feedmall.kv.entries", () => Databases(engine, database => database.Count), "{entry}", "Entries.");
        meter.CreateObservableGauge("feedmall.kv.entries.expiring", () => Databases(engine, database => database.Expiring), "{entry}", "Entries with an expiry.");
        meter.CreateObservableCounter("feedmall.kv.expired", () => keys.Expired, "{entry}", "Entries whose time had come.");
        meter.CreateObservableCounter("feedmall.kv.evicted", () => keys.Evicted, "{entry}", "Entries that went because memory was full.");
        meter.CreateObservableCounter("feedmall.kv.hits", () => keys.Hits, "{read}", "Reads that found their key.");
        meter.CreateObservableCounter("feedmall.kv.misses", () => keys.Misses, "{read}", "Reads that did not find their key.");
        meter.CreateObservableCounter("feedmall.kv.lock.waits", () => traffic.LockWaits, "{wait}", "Batches of commands that had to wait for the data lock.");
        meter.CreateObservableCounter("feedmall.kv.lock.wait", () => traffic.LockWaitMicroseconds / 1e6, "s", "Time that they waited.");
        var append = engine.Append;
        append.SyncDuration = meter.CreateHistogram<double>("feedmall.kv.append.sync.duration", "s", "How long a flush of the append-only file to the disk took.");
        meter.CreateObservableCounter("feedmall.kv.append.written", () => append.WrittenBytes, "By", "Bytes written to the append-only file.");
        meter.CreateObservableCounter("feedmall.kv.append.failures", () => append.Failures, "{failure}", "Times that it could not be written.");
        meter.CreateObservableCounter("feedmall.kv.append.rewrites", () => append.Rewrites, "{rewrite}", "Times that it was written anew.");
        meter.CreateObservableGauge("feedmall.kv.append.size", () => append.TotalBytes, "By", "Bytes of all its files.");
        meter.CreateObservableGauge("feedmall.kv.append.pending", () => engine.Keyspace.Journal?.PendingBytes ?? 0, "By", "Bytes that wait to be written.");
        meter.CreateObservableGauge("feedmall.kv.connections", () => engine.Clients.Count, "{connection}", "Open connections.");
        meter.CreateObservableCounter("feedmall.kv.connections.accepted", () => traffic.Accepted, "{connection}", "Connections that were accepted.");
        meter.CreateObservableCounter("feedmall.kv.connections.refused", () => traffic.Refused, "{connection}", "Connections over the limit.");
        meter.CreateObservableGauge("feedmall.kv.channels", () => engine.PubSub.Channels.Count, "{channel}", "Channels that somebody listens to.");
        meter.CreateObservableCounter("feedmall.kv.messages", () => engine.PubSub.Delivered, "{message}", "Messages that were handed to a subscriber.");
        meter.CreateObservableCounter("feedmall.kv.subscribers.dropped", () => engine.PubSub.Dropped, "{connection}", "Subscribers that were closed because too much waited for them.");
        meter.CreateObservableCounter("feedmall.kv.received", () => traffic.BytesIn, "By", "Bytes of commands.");
        meter.CreateObservableCounter("feedmall.kv.sent", () => traffic.BytesOut, "By", "Bytes of replies.");
        meter.CreateObservableGauge("feedmall.kv.memory.data", () => keys.UsedBytes, "By", "Memory of entries, indexes and expiries.");
        meter.CreateObservableGauge("feedmall.kv.memory.limit", () => engine.Settings.MaxMemoryBytes, "By", "The limit of it; 0: none.");
        meter.CreateObservableGauge("feedmall.kv.memory.process", () => Environment.WorkingSet, "By", "Resident memory of the process.");
    }

    private static IEnumerable<Measurement<long>> Ran(KvEngine engine, Func<Command, long> count) =>
        from command in engine.Commands.All
        where count(command) > 0
        select new Measurement<long>(count(command), Tag(command));

    private static IEnumerable<Measurement<double>> Times(KvEngine engine) =>
        from command in engine.Commands.All
        where command.Statistics.Calls > 0
        select new Measurement<double>(command.Statistics.Microseconds / 1e6, Tag(command));

    // A histogram in all but its type: buckets with an upper bound, each counting those below it too.
    private static IEnumerable<Measurement<long>> Buckets(KvEngine engine)
    {
        foreach (var command in engine.Commands.All.Where(command => command.Statistics.Calls > 0))
        {
            var calls = 0L;
            for (var bucket = 0; bucket < CommandStatistics.Buckets; bucket++)
            {
                calls += command.Statistics.Distribution[bucket];
                var upper = CommandStatistics.UpperSeconds(bucket);
                yield return new Measurement<long>(calls, Tag(command), new("le", double.IsInfinity(upper) ? "+Inf" : upper.ToString("R", System.Globalization.CultureInfo.InvariantCulture)));
            }
        }
    }

    private static IEnumerable<Measurement<long>> Databases(KvEngine engine, Func<Data.Database, long> count) =>
        engine.Keyspace.Used.Select(database => new Measurement<long>(count(database), new KeyValuePair<string, object?>("db", database.Number)));

    private static KeyValuePair<string, object?> Tag(Command command) => new("command", command.Name);
}
