using System.Text;

namespace FeedMall.Resilience.Balancing;

/// <summary>
/// The hash of Fowler, Noll and Vo, in its 1a form: the same in every process and on every machine, which <see cref="string.GetHashCode()"/> is not.
/// Not for keys that an enemy chooses. (ALGORITHMS §9.6.)
/// </summary>
public static class Fnv1a
{
    /// <summary>The 64-bit hash of no bytes, where one begins.</summary>
    public const ulong Start64 = 0xcbf29ce484222325;

    private const uint Start32 = 0x811c9dc5;

    /// <summary>32 bits.</summary>
    public static uint Hash32(ReadOnlySpan<byte> bytes)
    {
        var hash = Start32;
        foreach (var value in bytes) hash = (hash ^ value) * 0x01000193;
        return hash;
    }

    /// <summary>64 bits, going on from an earlier hash.</summary>
    public static ulong Hash64(ReadOnlySpan<byte> bytes, ulong hash = Start64)
    {
        foreach (var value in bytes) hash = (hash ^ value) * 0x100000001b3;
        return hash;
    }

    /// <summary>64 bits of the text as UTF-8, going on from an earlier hash. Allocates nothing for texts of up to 170 characters.</summary>
    public static ulong Hash64(string text, ulong hash = Start64)
    {
        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        var bytes = most <= 512 ? stackalloc byte[512] : new byte[most];
        return Hash64(bytes[..Encoding.UTF8.GetBytes(text, bytes)], hash);
    }

    /// <summary>
    /// Spreads the last letters over all bits: FNV alone does that too little to be compared as a number, or cut into parts. One to one. (The
    /// last step of Murmur 3.)
    /// </summary>
    public static ulong Mix(ulong hash)
    {
        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
        return hash ^ (hash >> 33);
    }
}
