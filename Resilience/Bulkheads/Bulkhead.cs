using FeedMall.Resilience.Gates;

namespace FeedMall.Resilience.Bulkheads;

/// <summary>How full a bulkhead is.</summary>
public readonly record struct BulkheadSnapshot(int InFlight, int Places, GateCounts Counts);

/// <summary>
/// A fixed number of places for the work on one dependency, so that a slow one cannot take everything. Who shall wait for a place instead of being refused
/// puts an <see cref="Queueing.AdmissionQueue"/> in front of it.
/// </summary>
public sealed class Bulkhead : ConcurrencyGate
{
    private BulkheadOptions _options;

    /// <summary>Checks the options.</summary>
    public Bulkhead(BulkheadOptions options, TimeProvider clock) : base(clock)
    {
        options.Check();
        _options = options;
    }

    /// <summary>May be set at any time. With fewer places than are taken, nobody enters until enough have come back.</summary>
    public BulkheadOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            Volatile.Write(ref _options, value);
        }
    }

    /// <summary>For governor, console and tests.</summary>
    public BulkheadSnapshot Snapshot() => new(InFlight, Options.Places, Counts);

    private protected override Reason Judge(int inFlight, long now) => inFlight < Volatile.Read(ref _options).Places ? Reason.None : Reason.BulkheadFull;
}
