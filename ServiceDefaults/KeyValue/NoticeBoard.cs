using StackExchange.Redis;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>
/// A place in the key-value store where each copy of a service pins up one note and reads those of all. Who reads sees every note that was pinned up before: the store does one
/// command after the other, and the reading is sent after the writing.
/// </summary>
/// <param name="name">What it is about: the key's name and a label of the metrics.</param>
/// <param name="store">Where it is.</param>
public sealed class NoticeBoard(string name, KeyValueStore store)
{
    // A board that nobody uses any more goes away by itself.
    private static readonly TimeSpan s_kept = TimeSpan.FromHours(1);

    /// <summary>Pins up a note in place of the writer's last one, takes others down, and reads what is there then.</summary>
    /// <param name="writer">Who writes.</param>
    /// <param name="note">What.</param>
    /// <param name="takenDown">The writers of notes to be taken down.</param>
    /// <param name="patience">How long to wait for the store: nobody's request waits for this.</param>
    /// <returns>The notes by writer; null when the store cannot say that the note hangs.</returns>
    public async Task<IReadOnlyDictionary<string, byte[]>?> PinAsync(string writer, byte[] note, IReadOnlyList<string> takenDown, TimeSpan patience)
    {
        // Not worth a word: a service without its store says so where it misses it.
        if (!store.IsConnected) return null;
        var (done, notes) = await store.TryAsync(name, "pin", database =>
        {
            _ = database.HashSetAsync(Key, writer, note, flags: CommandFlags.FireAndForget);
            if (takenDown.Count > 0) _ = database.HashDeleteAsync(Key, [.. takenDown.Select(gone => (RedisValue)gone)], CommandFlags.FireAndForget);
            _ = database.KeyExpireAsync(Key, s_kept, CommandFlags.FireAndForget);
            return database.HashGetAllAsync(Key);
        }, commands: 4, patience);
        if (!done) return null;
        var read = notes!.ToDictionary(entry => entry.Name.ToString(), entry => (byte[])entry.Value!, StringComparer.Ordinal);
        // A store that is full reads but does not write.
        return read.TryGetValue(writer, out var own) && own.AsSpan().SequenceEqual(note) ? read : null;
    }

    private string Key => $"{name}:notes";
}
