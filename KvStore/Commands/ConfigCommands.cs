using System.Text;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>CONFIG: the settings under Redis' names.</summary>
internal static class ConfigCommands
{
    public static IEnumerable<Command> Rows => [new("config", -2, Admin, Run)];

    private static void Run(CommandContext c)
    {
        if (c.Is(1, "get"))
        {
            if (c.Count < 3) c.WrongArity("config|get");
            else Get(c);
        }
        else if (c.Is(1, "set"))
        {
            if (c.Count < 4 || c.Count % 2 == 1) c.WrongArity("config|set");
            else Set(c);
        }
        else if (c.Is(1, "resetstat") && c.Count == 2) ResetStatistics(c);
        else if (c.Is(1, "rewrite") && c.Count == 2) c.Reply.Error("ERR The server is running without a config file"u8);
        else c.UnknownSubcommand();
    }

    private static void Get(CommandContext c)
    {
        var found = c.Engine.Config.All.Where(entry => IsWanted(c, entry.Name)).ToList();
        c.Reply.Map(found.Count);
        foreach (var entry in found)
        {
            c.Reply.Bulk(entry.Name);
            c.Reply.Bulk(entry.Get());
        }
    }

    private static bool IsWanted(CommandContext c, string name)
    {
        var bytes = Encoding.ASCII.GetBytes(name);
        for (var i = 2; i < c.Count; i++)
            if (Glob.Matches(Encoding.UTF8.GetBytes(c.Text(i).ToLowerInvariant()), bytes)) return true;
        return false;
    }

    // All or nothing: what is wrong is found before anything is changed.
    private static void Set(CommandContext c)
    {
        var changes = new List<Action>();
        for (var i = 2; i < c.Count; i += 2)
        {
            var name = c.Text(i).ToLowerInvariant();
            if (c.Engine.Config.All.FirstOrDefault(known => known.Name == name) is not { } entry)
            {
                c.Reply.Error($"ERR Unknown option or number of arguments for CONFIG SET - '{c.Beginning(i, 128)}'");
                return;
            }
            if (entry.Prepare is null)
            {
                c.Reply.Error($"ERR CONFIG SET failed (possibly related to argument '{name}') - can't set immutable config");
                return;
            }
            if (entry.Prepare(c.Text(i + 1)) is not { } change)
            {
                c.Reply.Error($"ERR CONFIG SET failed (possibly related to argument '{name}') - argument couldn't be parsed or is out of range");
                return;
            }
            changes.Add(change);
        }
        foreach (var change in changes) change();
        c.Reply.Ok();
    }

    private static void ResetStatistics(CommandContext c)
    {
        foreach (var command in c.Engine.Commands.All) command.Statistics.Reset();
        c.Engine.Traffic.Reset();
        (c.Keyspace.Hits, c.Keyspace.Misses, c.Keyspace.Expired, c.Keyspace.Evicted) = (0, 0, 0, 0);
        c.Reply.Ok();
    }
}
