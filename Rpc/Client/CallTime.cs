namespace FeedMall.Rpc.Client;

/// <summary>How much time a call gets (spec §7.1, rules 2 and 3).</summary>
internal static class CallTime
{
    /// <summary>
    /// The client's own timeout, or what is left of the caller's deadline when that is less. The answer's way back is kept from what
    /// is left, so that the caller can still use the answer.
    /// </summary>
    /// <param name="remaining">Until the caller's deadline; null when the caller has none.</param>
    public static TimeSpan Shrink(TimeSpan own, TimeSpan? remaining, TimeSpan networkAllowance) =>
        remaining - networkAllowance is { } left && left < own ? left : own;
}
