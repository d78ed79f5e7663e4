using System.Numerics;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>COMMAND: what commands there are.</summary>
internal static class CommandCommands
{
    public static IEnumerable<Command> Rows => [new("command", -1, None, Run)];

    private const CommandFlags Told = Write | ReadOnly | DenyOom | Admin | Fast | NoAuth;

    private static void Run(CommandContext c)
    {
        if (c.Count == 1)
        {
            c.Reply.Array(c.Engine.Commands.All.Count);
            foreach (var command in c.Engine.Commands.All) Describe(c, command);
        }
        else if (c.Is(1, "count") && c.Count == 2) c.Reply.Integer(c.Engine.Commands.All.Count);
        else if (c.Is(1, "info")) Info(c);
        // The texts are Redis' own; clients use them for hints only.
        else if (c.Is(1, "docs")) c.Reply.Map(0);
        else if (c.Is(1, "list") && c.Count == 2) List(c);
        else if (c.Is(1, "getkeys") && c.Count > 2) GetKeys(c);
        else c.UnknownSubcommand();
    }

    private static void Info(CommandContext c)
    {
        c.Reply.Array(c.Count - 2);
        for (var i = 2; i < c.Count; i++)
        {
            if (c.Engine.Commands.Find(c[i]) is { } command) Describe(c, command);
            else c.Reply.NilArray();
        }
    }

    private static void List(CommandContext c)
    {
        c.Reply.Array(c.Engine.Commands.All.Count);
        foreach (var command in c.Engine.Commands.All) c.Reply.Bulk(command.Name);
    }

    private static void GetKeys(CommandContext c)
    {
        if (c.Engine.Commands.Find(c[2]) is not { } command)
        {
            c.Reply.Error("ERR Invalid command specified"u8);
            return;
        }
        if (!command.Accepts(c.Count - 2))
        {
            c.Reply.Error("ERR Invalid number of arguments specified for command"u8);
            return;
        }
        if (command.FirstKey == 0)
        {
            c.Reply.Error("ERR The command has no key arguments"u8);
            return;
        }
        var last = command.LastKey < 0 ? c.Count - 2 + command.LastKey : command.LastKey;
        c.Reply.Array((last - command.FirstKey) / command.KeyStep + 1);
        for (var i = command.FirstKey; i <= last; i += command.KeyStep) c.Reply.Bulk(c[i + 2]);
    }

    private static void Describe(CommandContext c, Command command)
    {
        c.Reply.Array(7);
        c.Reply.Bulk(command.Name);
        c.Reply.Integer(command.Arity);
        c.Reply.Set(BitOperations.PopCount((uint)(command.Flags & Told)));
        for (var flag = (CommandFlags)1; flag <= Told; flag = (CommandFlags)((int)flag << 1))
            if (command.Is(flag & Told)) c.Reply.Simple(Word(flag));
        c.Reply.Integer(command.FirstKey);
        c.Reply.Integer(command.LastKey);
        c.Reply.Integer(command.KeyStep);
        c.Reply.Set(0);
    }

    private static ReadOnlySpan<byte> Word(CommandFlags flag) => flag switch
    {
        Write => "write"u8,
        ReadOnly => "readonly"u8,
        DenyOom => "denyoom"u8,
        Admin => "admin"u8,
        Fast => "fast"u8,
        NoAuth => "no_auth"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(flag), flag, "not told"),
    };
}
