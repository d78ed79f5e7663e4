using FeedMall.Bff.Protection;

namespace FeedMall.Bff.Degradation;

/// <summary>A switch, for the governor.</summary>
/// <param name="State">What is set.</param>
/// <param name="ActingSince">Since when it has been acting; null: it is not. An automatic one has stopped when it did not act for half a minute.</param>
/// <param name="LastActedAt">When it last acted; null: never.</param>
/// <param name="Acted">How often, since the start.</param>
/// <param name="WouldHaveActed">How often it would have, were it not for the dry run.</param>
internal sealed record SwitchSnapshot(SwitchState State, DateTimeOffset? ActingSince, DateTimeOffset? LastActedAt, long Acted, long WouldHaveActed);

/// <summary>Whether one route, or one domain service, may be answered for, and how often that happened.</summary>
internal sealed class Switch(SwitchState state, TimeProvider clock)
{
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(30);

    // Guards the times and counts: they change only when something is wrong already.
    private readonly Lock _acting = new();
    private volatile SwitchState _state = state;
    private DateTimeOffset? _since = state == SwitchState.Forced ? clock.GetUtcNow() : null;
    private DateTimeOffset? _last;
    private long _acted;
    private long _wouldHaveActed;

    public SwitchState State => _state;

    public void Set(SwitchState state)
    {
        lock (_acting)
        {
            if (state == _state) return;
            _state = state;
            _since = state == SwitchState.Forced ? clock.GetUtcNow() : null;
        }
    }

    /// <summary>It acts, or in dry run would have.</summary>
    public void Act(bool dryRun)
    {
        lock (_acting)
        {
            if (dryRun)
            {
                _wouldHaveActed++;
                return;
            }
            var now = clock.GetUtcNow();
            if (!IsActing(now)) _since = now;
            (_last, _acted) = (now, _acted + 1);
        }
    }

    public SwitchSnapshot Snapshot()
    {
        lock (_acting) return new(_state, IsActing(clock.GetUtcNow()) ? _since : null, _last, _acted, _wouldHaveActed);
    }

    private bool IsActing(DateTimeOffset now) => _state == SwitchState.Forced || (_since is not null && now - _last < s_silence);
}
