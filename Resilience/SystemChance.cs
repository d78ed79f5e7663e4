namespace FeedMall.Resilience;

/// <summary>The real thing: the runtime's own generator, one for each thread, seeded by the system.</summary>
public sealed class SystemChance : IChance
{
    /// <inheritdoc/>
#pragma warning disable RS0030 // This is the one place where chance enters; everything else takes an IChance.
    public double NextDouble() => Random.Shared.NextDouble();
#pragma warning restore RS0030
}
