using System.Buffers;
using System.Runtime.InteropServices;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Network;

/// <summary>The commands that a client has sent between MULTI and EXEC, as bytes of the protocol one behind the other.</summary>
internal sealed class Transaction
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>How many commands wait.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a command was refused, so that EXEC must refuse all.</summary>
    public bool HasFailed { get; set; }

    /// <summary>Whether a command may make data larger.</summary>
    public bool MayGrow { get; private set; }

    /// <summary>Whether a command may change data.</summary>
    public bool Writes { get; private set; }

    public int Bytes => _bytes.WrittenCount;

    /// <summary>Queues a command with its arguments.</summary>
    public void Add(CommandContext c)
    {
        Count++;
        Writes |= c.Command.Is(CommandFlags.Write);
        MayGrow |= c.Command.Is(CommandFlags.DenyOom);
        using var text = new ReplyWriter();
        text.Array(c.Count);
        for (var i = 0; i < c.Count; i++) text.Bulk(c[i]);
        _bytes.Write(text.Written.Span);
    }

    /// <summary>Lets each command be run in turn.</summary>
    public void Run(CommandContext c, Action<CommandContext> run)
    {
        MemoryMarshal.TryGetArray(_bytes.WrittenMemory, out var bytes);
        // What was accepted when it came is not refused because a limit was lowered since.
        var parser = new RequestParser(new RequestLimits { MaxBulkBytes = int.MaxValue, MaxArguments = int.MaxValue, MaxRequestBytes = long.MaxValue });
        var at = 0;
        for (var left = Count; left > 0; left--)
        {
            parser.TryParse(bytes.AsSpan(at));
            c.Use(bytes.Array!, at, parser);
            run(c);
            at += parser.Consumed;
            parser.Reset();
        }
    }
}
