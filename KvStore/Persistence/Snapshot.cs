using System.Diagnostics.CodeAnalysis;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Persistence;

/// <summary>
/// All data as it was at one moment, collected in slices while clients go on. It walks the keys in the order of their hashes; before a command changes a
/// key that the walk has not reached, the key is written down as it is and then passed over. A key that expires or is evicted meanwhile needs no
/// care: the log that follows the snapshot deletes it. Guarded by the data lock.
/// </summary>
internal sealed class Snapshot(Keyspace keyspace) : IDisposable
{
    private const double SliceMicroseconds = 500;
    private const int SliceBytes = 256 * 1024;
    private const int SlotsAtOnce = 16;

    private readonly HashSet<byte[]>[] _written = [.. Enumerable.Range(0, Keyspace.DatabaseCount).Select(_ => new HashSet<byte[]>(new KeyComparer()))];
    private readonly List<long> _found = [];
    private ReplyWriter _log = new(), _spare = new();
    private ulong _cursor;
    private int _database, _selected = -1;

    /// <summary>Set when it can no longer become whole.</summary>
    public bool IsBroken { get; set; }

    /// <summary>Writes down what a command is about to change.</summary>
    public void Keep(CommandContext c)
    {
        var command = c.Command;
        // Two databases change places, so the walk has seen neither.
        if (command.Name == "swapdb") IsBroken = true;
        // These name a key in another database too.
        if (command.Name is "copy" or "move")
        {
            for (var i = 1; i < c.Count; i++)
                for (var database = 0; database < Keyspace.DatabaseCount; database++) Keep(database, c[i]);
            return;
        }
        foreach (var at in command.KeyPlaces(c.Count)) Keep(c.Database.Number, c[at]);
    }

    /// <summary>Goes on with the walk for a while.</summary>
    /// <returns>Whether it has come to the end.</returns>
    public bool WalkOn()
    {
        var began = keyspace.Clock.Timestamp;
        while (_database < Keyspace.DatabaseCount)
        {
            var database = keyspace[_database];
            _found.Clear();
            _cursor = database.Scan(_cursor, SlotsAtOnce, _found);
            foreach (var block in _found)
            {
                var entry = database.Open(block);
                if (!Forget(_database, entry.Key) && keyspace.NowMs <= entry.ExpireAt) Write(database, block);
            }
            if (_cursor == KeyIndex.StartCursor) _database++;
            if (_log.Length >= SliceBytes || keyspace.Clock.Microseconds(began, keyspace.Clock.Timestamp) >= SliceMicroseconds) break;
        }
        return _database == Keyspace.DatabaseCount;
    }

    /// <summary>What was collected since the last time. It is the caller's until it asks again.</summary>
    public ReplyWriter Take()
    {
        _spare.Clear();
        (_log, _spare) = (_spare, _log);
        return _spare;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _log.Dispose();
        _spare.Dispose();
    }

    private void Keep(int number, ReadOnlySpan<byte> key)
    {
        var hash = keyspace.Hash.Of(key);
        var isBehind = number < _database || (number == _database && KeyIndex.PositionOf(hash) < _cursor);
        if (isBehind || !_written[number].GetAlternateLookup<ReadOnlySpan<byte>>().Add(key)) return;
        var block = keyspace[number].Find(key, out _, isUse: false);
        if (block != 0) Write(keyspace[number], block);
    }

    private bool Forget(int number, ReadOnlySpan<byte> key) => _written[number].Count > 0 && _written[number].GetAlternateLookup<ReadOnlySpan<byte>>().Remove(key);

    private void Write(Database database, long block)
    {
        if (_selected != database.Number) Journal.Select(_selected = database.Number, _log);
        Dump.Write(database, block, _log);
    }

    private sealed class KeyComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode(obj.AsSpan());

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = new HashCode();
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
