using FeedMall.Resilience;
using FeedMall.Resilience.Gates;

namespace FeedMall.Bff.Degradation;

/// <summary>Stands in place of a domain service's bulkhead while its switch is forced: no call gets through.</summary>
internal sealed class ClosedGate(Switch of, TimeProvider clock) : Gate(clock)
{
    protected override Reason TryAdmit(long now) => Reason.Degraded;

    protected override void OnRefused(long now) => of.Act(dryRun: false);

    // It has no dry run of its own: then the bulkhead stays in its place.
    protected override void AdmitAnyway(long now) { }

    protected override void OnCompleted(long admittedAt, long now, Outcome outcome) { }
}
