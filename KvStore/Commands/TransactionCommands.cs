using FeedMall.KvStore.Network;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Several commands as one, and only if nothing has changed before.</summary>
internal static class TransactionCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("multi", 1, Fast | NoMulti, Begin),
        // It is timed alone, and its commands are counted under their own names too.
        new("exec", 1, NoMulti, Execute),
        new("discard", 1, Fast | NoMulti, Discard),
        new("watch", -2, Fast | NoMulti, Watch, 1, -1, 1),
        new("unwatch", 1, Fast, Unwatch),
    ];

    private static void Begin(CommandContext c)
    {
        if (c.Client.Transaction is not null)
        {
            c.Reply.Error("ERR MULTI calls can not be nested"u8);
            return;
        }
        c.Client.Transaction = new Transaction();
        c.Reply.Ok();
    }

    private static void Execute(CommandContext c)
    {
        if (c.Client.Transaction is not { } transaction)
        {
            c.Reply.Error("ERR EXEC without MULTI"u8);
            return;
        }
        // A key whose time has come has changed, even if nobody has removed it yet.
        foreach (var (database, _, key) in c.Client.Watcher.Keys.ToArray()) c.Keyspace[database].Has(key);
        var isTouched = c.Client.Watcher.IsTouched;
        c.EndTransaction();
        if (transaction.HasFailed) c.Reply.Error("EXECABORT Transaction discarded because of previous errors."u8);
        else if (isTouched) c.Reply.NilArray();
        else if (transaction.MayGrow && !c.Engine.Runner.HasRoom) c.Reply.Error("EXECABORT Transaction discarded because of: " + System.Text.Encoding.ASCII.GetString(Errors.OutOfMemory));
        else Run(c, transaction);
    }

    private static void Run(CommandContext c, Transaction transaction)
    {
        c.Reply.Array(transaction.Count);
        transaction.Run(new CommandContext(c.Engine, c.Client), c.Engine.Runner.RunQueued);
        c.Reply.HasFailed = false;
    }

    private static void Discard(CommandContext c)
    {
        if (c.Client.Transaction is null)
        {
            c.Reply.Error("ERR DISCARD without MULTI"u8);
            return;
        }
        c.EndTransaction();
        c.Reply.Ok();
    }

    private static void Watch(CommandContext c)
    {
        if (c.Client.Transaction is not null)
        {
            c.Reply.Error("ERR WATCH inside MULTI is not allowed"u8);
            return;
        }
        for (var i = 1; i < c.Count; i++)
        {
            // One whose time has come is absent from the beginning.
            c.Database.Find(c[i], out var hash, isUse: false);
            if (!c.MayHold(c[i].Length))
            {
                c.Reply.Error(Errors.HoldsTooMuch);
                return;
            }
            if (c.Keyspace.Watches.Add(c.Client.Watcher, c.Client.Database, hash, c[i])) c.Hold(c[i].Length);
        }
        c.Reply.Ok();
    }

    private static void Unwatch(CommandContext c)
    {
        c.EndWatch();
        c.Reply.Ok();
    }
}
