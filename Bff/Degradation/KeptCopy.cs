using System.Buffers.Binary;
using FeedMall.ServiceDefaults.KeyValue;
using Google.Protobuf;

namespace FeedMall.Bff.Degradation;

/// <summary>
/// The last good message of its kind, for when no new one can be had: in this process, and in the common store for copies of the service that start while
/// the domain service is gone.
/// </summary>
internal sealed class KeptCopy<T>(string name, TaggedCache common, TimeProvider clock) where T : class, IMessage<T>, new()
{
    private const int HeaderBytes = 8;

    private sealed record Kept(T Message, DateTimeOffset At);

    private volatile Kept? _kept;

    /// <summary>The message and its age.</summary>
    public (T Message, TimeSpan Age)? Find(TimeSpan atMost) =>
        _kept is { } kept && clock.GetUtcNow() - kept.At is var age && age <= atMost ? (kept.Message, age) : null;

    /// <summary>Keeps a message that was just made.</summary>
    /// <param name="time">For how long.</param>
    public async Task KeepAsync(T message, TimeSpan time)
    {
        _kept = new Kept(message, clock.GetUtcNow());
        if (!common.IsEnabled) return;
        var bytes = new byte[HeaderBytes + message.CalculateSize()];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, clock.GetUtcNow().ToUnixTimeMilliseconds());
        message.WriteTo(bytes.AsSpan(HeaderBytes));
        if (await common.StampAsync([], null) is { } stamps) await common.SetAsync(name, [], stamps, bytes, time);
    }

    /// <summary>Takes what another copy of the service kept, when this one has nothing.</summary>
    public async Task RecallAsync()
    {
        if (_kept is not null || !common.IsEnabled) return;
        if ((await common.FindAsync(name, [])).Value is not { Length: >= HeaderBytes } bytes) return;
        try
        {
            var message = new T();
            message.MergeFrom(bytes.AsSpan(HeaderBytes));
            Interlocked.CompareExchange(ref _kept, new Kept(message, DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(bytes))), null);
        }
        catch (Exception unreadable) when (unreadable is InvalidProtocolBufferException or ArgumentOutOfRangeException)
        {
            // Of another version: as good as none.
        }
    }
}
