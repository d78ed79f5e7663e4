using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>The server itself: how it is, what it is not.</summary>
internal static class ServerCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("info", -1, None, Info),
        new("time", 1, Fast, Time),
        new("lastsave", 1, Fast, c => c.Reply.Integer(c.NowMs / 1000)),
        new("bgrewriteaof", 1, Admin, Rewrite),
        new("slowlog", -2, Admin, SlowLogs),
        new("latency", -2, Admin, c => c.UnknownSubcommand()),
        new("wait", 3, None, Wait),
        new("role", 1, Fast, Role),
        new("cluster", -2, Admin, c => c.Reply.Error("ERR This instance has cluster support disabled"u8)),
        new("readonly", 1, Fast, c => c.Reply.Error("ERR This instance has cluster support disabled"u8)),
        new("readwrite", 1, Fast, c => c.Reply.Error("ERR This instance has cluster support disabled"u8)),
        new("debug", -2, Admin, c => c.Reply.Error("ERR DEBUG command not allowed."u8)),
        new("shutdown", -1, Admin, c => c.Reply.Error("ERR SHUTDOWN is not offered: stop the process"u8)),
    ];

    private static void Info(CommandContext c)
    {
        var sections = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 1; i < c.Count; i++) sections.Add(c.Text(i));
        c.Reply.Verbatim(InfoText.Render(c.Engine, sections));
    }

    private static void Rewrite(CommandContext c)
    {
        if (c.Engine.Rewrite is not { } begin) c.Reply.Error("ERR The append-only file is off: start with --Kv:AppendOnly=true"u8);
        else if (begin()) c.Reply.Simple("Background append only file rewriting started"u8);
        else c.Reply.Error("ERR Background append only file rewriting already in progress"u8);
    }

    private static void Time(CommandContext c)
    {
        var microseconds = c.Engine.Clock.WallClock.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        microseconds /= TimeSpan.TicksPerMicrosecond;
        c.Reply.Array(2);
        c.Reply.BulkInteger(microseconds / 1_000_000);
        c.Reply.BulkInteger(microseconds % 1_000_000);
    }

    // There are no replicas to wait for.
    private static void Wait(CommandContext c)
    {
        if (!c.TryInteger(1, out _)) return;
        if (!Protocol.Numbers.TryParseInteger(c[2], out var timeout)) c.Reply.Error("ERR timeout is not an integer or out of range"u8);
        else if (timeout < 0) c.Reply.Error("ERR timeout is negative"u8);
        else c.Reply.Integer(0);
    }

    private static void Role(CommandContext c)
    {
        c.Reply.Array(3);
        c.Reply.Bulk("master"u8);
        c.Reply.Integer(0);
        c.Reply.Array(0);
    }

    private static void SlowLogs(CommandContext c)
    {
        if (c.Is(1, "len") && c.Count == 2) c.Reply.Integer(c.Engine.SlowLog.NewestFirst.Count);
        else if (c.Is(1, "get") && c.Count is 2 or 3) GetSlowLogs(c);
        else if (c.Is(1, "reset") && c.Count == 2)
        {
            c.Engine.SlowLog.Clear();
            c.Reply.Ok();
        }
        else c.UnknownSubcommand();
    }

    private static void GetSlowLogs(CommandContext c)
    {
        var most = 10L;
        if (c.Count == 3 && !c.TryInteger(2, out most)) return;
        if (most < -1)
        {
            c.Reply.Error("ERR count should be greater than or equal to -1"u8);
            return;
        }
        var shown = c.Engine.SlowLog.NewestFirst.Take(most == -1 ? int.MaxValue : (int)Math.Min(most, int.MaxValue)).ToList();
        c.Reply.Array(shown.Count);
        foreach (var slow in shown)
        {
            c.Reply.Array(6);
            c.Reply.Integer(slow.Id);
            c.Reply.Integer(slow.UnixSeconds);
            c.Reply.Integer(slow.Microseconds);
            c.Reply.Array(slow.Arguments.Count);
            foreach (var argument in slow.Arguments) c.Reply.Bulk(argument);
            c.Reply.Bulk(slow.Address);
            c.Reply.Bulk(slow.Name);
        }
    }
}
