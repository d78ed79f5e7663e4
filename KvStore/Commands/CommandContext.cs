using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;
using FeedMall.KvStore.Data;
using FeedMall.KvStore.Network;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Commands;

/// <summary>What a command works with: its arguments, where its reply goes, the client and the data.</summary>
internal sealed class CommandContext(KvEngine engine, Client client)
{
    private const int HeldNameBytes = 128; // what a list entry, a dictionary entry and an array cost beside the name

    private byte[] _bytes = [];
    private RequestParser _arguments = new(engine.Settings.Limits);
    private int _start;

    public KvEngine Engine => engine;

    public Client Client => client;

    public Keyspace Keyspace => engine.Keyspace;

    public ReplyWriter Reply => client.Reply;

    /// <summary>The command that runs.</summary>
    public Command Command { get; set; } = null!;

    /// <summary>The database that the client has selected.</summary>
    public Database Database => engine.Keyspace[client.Database];

    /// <summary>Unix ms; the same for the whole batch.</summary>
    public long NowMs => engine.Keyspace.NowMs;

    /// <summary>Arguments, the name of the command included.</summary>
    public int Count => _arguments.Count;

    /// <summary>An argument; 0 is the command's name.</summary>
    public ReadOnlySpan<byte> this[int at]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _bytes.AsSpan(_start + _arguments.Start(at), _arguments.Length(at));
    }

    /// <summary>Where the arguments of the next command lie.</summary>
    public void Use(byte[] bytes, int start, RequestParser arguments) => (_bytes, _start, _arguments) = (bytes, start, arguments);

    /// <summary>Whether an argument is this word, in any case.</summary>
    public bool Is(int at, string word) => Word.Is(this[at], word);

    /// <summary>An argument as text for people.</summary>
    public string Text(int at) => Encoding.UTF8.GetString(this[at]);

    /// <summary>Reads an argument as an integer, or replies that it is none.</summary>
    public bool TryInteger(int at, out long value)
    {
        if (Numbers.TryParseInteger(this[at], out value)) return true;
        Reply.Error(Errors.NotAnInteger);
        return false;
    }

    /// <summary>Finds a string to read, or to change it, which is no hit and no miss. Replies when the key holds something else; a missing one is the caller's to answer.</summary>
    /// <returns>False when the reply is given already.</returns>
    public bool TryRead(int key, out ReadOnlySpan<byte> value, out bool found, bool isRead = true)
    {
        value = default;
        var block = Database.Find(this[key], out _);
        found = block != 0;
        if (isRead) engine.CountRead(found);
        if (!found) return true;
        var entry = Database.Open(block);
        if (entry.Kind != EntryKind.String)
        {
            Reply.Error(Errors.WrongType);
            return false;
        }
        value = entry.Value;
        return true;
    }

    /// <summary>Finds a collection, or null when the key is missing or holds something else; the latter is replied.</summary>
    /// <returns>False when the reply is given already.</returns>
    public bool TryFind<TValue>(int key, out TValue? value, bool isRead = false) where TValue : KvValue
    {
        value = null;
        var block = Database.Find(this[key], out _);
        if (isRead) engine.CountRead(block != 0);
        if (block == 0) return true;
        value = Database.Open(block).Kind == EntryKind.String ? null : Database.Object(block) as TValue;
        if (value is null) Reply.Error(Errors.WrongType);
        return value is not null;
    }

    /// <summary>Finds a collection to change, and makes it when the key is missing.</summary>
    /// <returns>False when the reply is given already.</returns>
    public bool TryFindOrCreate<TValue>(int key, Func<Keyspace, TValue> create, [NotNullWhen(true)] out TValue? value) where TValue : KvValue
    {
        if (!TryFind(key, out value)) return false;
        if (value is not null) return true;
        value = create(Keyspace);
        Database.Set(this[key], value);
        return true;
    }

    /// <summary>A collection was changed: tells who watches, and ends it when nothing is left in it.</summary>
    public void Changed(int key, KvValue value)
    {
        if (value.Count == 0) Database.Remove(this[key]);
        else Keyspace.NoteChange(Database.Number, this[key]);
    }

    /// <summary>Whether the client may make the server keep a name of this length for it.</summary>
    public bool MayHold(int length) => client.HeldBytes + HeldNameBytes + length <= engine.Settings.Limits.MaxRequestBytes;

    /// <summary>The server keeps a name for the client; below zero: no longer.</summary>
    public void Hold(int length) => client.HeldBytes += length < 0 ? length - HeldNameBytes : length + HeldNameBytes;

    /// <summary>The client watches nothing any more.</summary>
    public void EndWatch()
    {
        if (client.HeldBytes == 0) return;
        foreach (var (_, _, key) in client.Watcher.Keys) Hold(-key.Length);
        Keyspace.Watches.Remove(client.Watcher);
    }

    /// <summary>The transaction is over, however it went.</summary>
    public void EndTransaction()
    {
        client.Transaction = null;
        EndWatch();
    }

    /// <summary>Reads an argument as a number with a fraction, or replies that it is none.</summary>
    public bool TryDouble(int at, out double value)
    {
        if (Numbers.TryParseDouble(this[at], out value)) return true;
        Reply.Error(Errors.NotAFloat);
        return false;
    }

    /// <summary>The command's name, with its subcommand if it has some.</summary>
    public string FullName => Command.Name is "client" or "config" or "object" or "memory" or "slowlog" or "latency" or "cluster" or "command" or "pubsub" && Count > 1
        ? $"{Command.Name}|{Latin(1, 64).ToLowerInvariant()}" : Command.Name;

    /// <summary>Replies that this subcommand does not exist.</summary>
    public void UnknownSubcommand() => Reply.Error($"ERR unknown subcommand '{Beginning(1, 128)}'. Try {Command.Name.ToUpperInvariant()} HELP.");

    /// <summary>Replies that the number of arguments is wrong.</summary>
    public void WrongArity(string name) => Reply.Error($"ERR wrong number of arguments for '{name}' command");

    /// <summary>The beginning of an argument, byte for byte.</summary>
    public ReadOnlySpan<byte> Beginning(int at, int most) => this[at][..Math.Min(most, this[at].Length)];

    /// <summary>The same as text.</summary>
    public string Latin(int at, int most) => Encoding.Latin1.GetString(Beginning(at, most));
}
