using FeedMall.Resilience;

namespace FeedMall.KvStore.Data;

/// <summary>How entries are chosen when memory is full.</summary>
internal enum EvictionPolicy
{
    NoEviction,
    AllKeysLru,
    AllKeysLfu,
    AllKeysRandom,
    VolatileLru,
    VolatileLfu,
    VolatileRandom,
    VolatileTtl,
}

/// <summary>
/// The 24 bits that each entry keeps about its use. LRU: the second of the last use. LFU: the minute of the last use (16 bits) and a logarithmic counter
/// (8 bits) that starts at 5, grows with probability 1/((c−5)·10+1) and loses one a minute.
/// </summary>
internal sealed class AccessMark(KvClock clock, IChance chance)
{
    private const uint Mask = 0xffffff;
    private const uint FirstCount = 5;
    private const double LogFactor = 10;

    /// <summary>Whether marks count uses instead of noting the last one.</summary>
    public bool CountsUses { get; set; }

    private uint Seconds => (uint)(clock.ElapsedMs / 1000) & Mask;

    private uint Minutes => (uint)(clock.ElapsedMs / 60_000) & 0xffff;

    /// <summary>The mark of a new entry.</summary>
    public uint New() => CountsUses ? (Minutes << 8) | FirstCount : Seconds;

    /// <summary>The mark of an entry that is used.</summary>
    public uint Touch(uint mark)
    {
        if (!CountsUses) return Seconds;
        var count = Frequency(mark);
        var above = count <= FirstCount ? 0 : count - FirstCount;
        if (count < 255 && chance.NextDouble() < 1 / (above * LogFactor + 1)) count++;
        return (Minutes << 8) | count;
    }

    /// <summary>Seconds since the last use.</summary>
    public uint IdleSeconds(uint mark) => (Seconds - mark) & Mask;

    /// <summary>The counter, less what it has lost since the last use.</summary>
    public uint Frequency(uint mark)
    {
        var count = mark & 0xff;
        var minutes = (Minutes - (mark >> 8)) & 0xffff;
        return minutes >= count ? 0 : count - minutes;
    }
}
