namespace FeedMall.KvStore;

/// <summary>A command that took long.</summary>
internal sealed record SlowCommand(long Id, long UnixSeconds, long Microseconds, IReadOnlyList<byte[]> Arguments, string Address, string Name);

/// <summary>The last commands that took long. Guarded by the data lock.</summary>
internal sealed class SlowLog
{
    /// <summary>Arguments of a command that are kept.</summary>
    public const int MaxArguments = 32;

    /// <summary>Bytes of an argument that are kept.</summary>
    public const int MaxArgumentBytes = 128;

    private readonly LinkedList<SlowCommand> _newestFirst = new();
    private long _nextId;

    public IReadOnlyCollection<SlowCommand> NewestFirst => _newestFirst;

    public void Add(SlowCommand command, int most)
    {
        _newestFirst.AddFirst(command with { Id = _nextId++ });
        while (_newestFirst.Count > most) _newestFirst.RemoveLast();
    }

    public void Clear() => _newestFirst.Clear();
}
