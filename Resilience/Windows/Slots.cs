namespace FeedMall.Resilience.Windows;

/// <summary>
/// Time cut into slots of one width, counted from the clock's own origin. In whole numbers, so that nothing is rounded whatever the clock's frequency.
/// </summary>
/// <param name="WidthTicks">In ticks of <see cref="TimeSpan"/>.</param>
/// <param name="Frequency">Timestamps of the clock per second.</param>
internal readonly record struct Slots(long WidthTicks, long Frequency)
{
    public long Of(long timestamp) => (long)((Int128)timestamp * TimeSpan.TicksPerSecond / ((Int128)WidthTicks * Frequency));

    /// <summary>The first timestamp of the slot.</summary>
    public long StartOf(long slot) => (long)(((Int128)slot * WidthTicks * Frequency + TimeSpan.TicksPerSecond - 1) / TimeSpan.TicksPerSecond);

    /// <summary>The slots, first and last, in which the time of another one's slot lies when time has been cut anew.</summary>
    public (long First, long Last) Over(long slot, long widthTicks) =>
        ((long)((Int128)slot * widthTicks / WidthTicks), (long)((((Int128)slot + 1) * widthTicks - 1) / WidthTicks));
}
