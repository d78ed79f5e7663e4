using System.Buffers.Binary;

namespace FeedMall.Bff.Caching;

/// <summary>An answer in the framework's form, with its times: wall clock in milliseconds, because several copies of the service read it.</summary>
/// <param name="FreshUntil">Until when it is as good as new.</param>
/// <param name="StaleUntil">Until when it may be used while it is being renewed.</param>
/// <param name="Body">Status, headers and body.</param>
internal sealed record Answer(long FreshUntil, long StaleUntil, byte[] Body)
{
    private const int HeaderBytes = 16;

    /// <summary>The same as one that must not be used any more, unless there is no other.</summary>
    /// <param name="now">In milliseconds.</param>
    public Answer AsOld(long now) => new(Math.Min(FreshUntil, now), Math.Min(StaleUntil, now), Body);

    /// <summary>The bytes for the common store.</summary>
    public byte[] Write()
    {
        var bytes = new byte[HeaderBytes + Body.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, FreshUntil);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), StaleUntil);
        Body.CopyTo(bytes, HeaderBytes);
        return bytes;
    }

    /// <summary>Reads them; null when they are none of ours.</summary>
    public static Answer? TryRead(byte[]? bytes) => bytes is { Length: >= HeaderBytes }
        ? new Answer(BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8)), bytes[HeaderBytes..])
        : null;
}
