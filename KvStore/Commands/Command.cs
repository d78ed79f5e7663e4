using FeedMall.KvStore.Persistence;

namespace FeedMall.KvStore.Commands;

/// <summary>What a command is allowed and what it needs.</summary>
[Flags]
internal enum CommandFlags
{
    None = 0,
    /// <summary>It may change data.</summary>
    Write = 1,
    /// <summary>It only looks at data.</summary>
    ReadOnly = 2,
    /// <summary>It may make data larger, so it is refused when memory is full.</summary>
    DenyOom = 4,
    /// <summary>It takes constant or logarithmic time: it is not timed alone, but with its batch.</summary>
    Fast = 8,
    /// <summary>For operators.</summary>
    Admin = 16,
    /// <summary>Allowed before a password was given.</summary>
    NoAuth = 32,
    /// <summary>Allowed while a RESP2 client is subscribed.</summary>
    Subscriber = 64,
    /// <summary>Not queued by MULTI, but run at once.</summary>
    NoMulti = 128,
}

/// <summary>Does what a command says. Runs under the data lock; everything it needs is in the context.</summary>
internal delegate void CommandAction(CommandContext c);

/// <summary>A row of the command table.</summary>
/// <param name="Name">In lower case.</param>
/// <param name="Arity">How many arguments, the name included; negative: at least so many.</param>
/// <param name="Flags">What it is allowed and needs.</param>
/// <param name="Run">Its function.</param>
/// <param name="FirstKey">The first argument that is a key; 0: none.</param>
/// <param name="LastKey">The last one; negative: counted from the end.</param>
/// <param name="KeyStep">From key to key.</param>
internal sealed record Command(string Name, int Arity, CommandFlags Flags, CommandAction Run, int FirstKey = 0, int LastKey = 0, int KeyStep = 0)
{
    /// <summary>How often it ran and how long it took.</summary>
    public CommandStatistics Statistics { get; } = new();

    /// <summary>What the append-only file says of it; null: what was sent.</summary>
    public CommandEffect? Effect { get; } = Effects.Of(Name);

    public bool Is(CommandFlags flag) => (Flags & flag) != 0;

    public bool Accepts(int count) => Arity >= 0 ? count == Arity : count >= -Arity;

    /// <summary>Which of so many arguments are keys.</summary>
    public IEnumerable<int> KeyPlaces(int count)
    {
        if (FirstKey == 0) yield break;
        var last = LastKey < 0 ? count + LastKey : LastKey;
        for (var at = FirstKey; at <= last; at += KeyStep) yield return at;
    }
}
