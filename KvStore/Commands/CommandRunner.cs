using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Commands;

/// <summary>Finds, checks and runs one command after the other, under the data lock, and counts what they cost.</summary>
internal sealed class CommandRunner(KvEngine engine)
{
    private const int QuotedBytes = 128;

    /// <summary>Runs the command whose arguments the context has.</summary>
    /// <param name="c">The context.</param>
    /// <param name="command">Its command, or null when there is none of this name.</param>
    /// <returns>Whether it ran; otherwise it was refused.</returns>
    public bool Run(CommandContext c, Command? command)
    {
        c.Reply.HasFailed = false;
        if (command is null)
        {
            if (c.Client.IsStranger) c.Reply.Error(Errors.NoAuth);
            else RefuseUnknown(c);
            if (c.Client.Transaction is { } broken) broken.HasFailed = true;
            return false;
        }
        c.Command = command;
        if (Refuses(c, command))
        {
            command.Statistics.Rejected++;
            if (c.Client.Transaction is { } broken) broken.HasFailed = true;
            return false;
        }
        if (c.Client.Transaction is { } transaction && !command.Is(CommandFlags.NoMulti))
        {
            Queue(c, transaction);
            return false;
        }
        Perform(c);
        if (c.Reply.HasFailed) command.Statistics.Failed++;
        return true;
    }

    private void Perform(CommandContext c)
    {
        if (engine.Keyspace.Journal is { } journal) journal.Run(c);
        else c.Command.Run(c);
    }

    /// <summary>Whether data may become larger, perhaps after something has been evicted.</summary>
    public bool HasRoom => engine.Settings.MaxMemoryBytes == 0 || engine.Evictor.MakeRoom();

    /// <summary>Runs a command that a transaction has queued, and that was checked then.</summary>
    public void RunQueued(CommandContext c)
    {
        c.Reply.HasFailed = false;
        c.Command = engine.Commands.Find(c[0])!;
        var began = engine.Clock.Timestamp;
        Perform(c);
        c.Command.Statistics.Add(1, engine.Clock.Microseconds(began, engine.Clock.Timestamp));
        if (c.Reply.HasFailed) c.Command.Statistics.Failed++;
    }

    private void Queue(CommandContext c, Network.Transaction transaction)
    {
        transaction.Add(c);
        if (transaction.Bytes <= engine.Settings.Limits.MaxRequestBytes)
        {
            c.Reply.Simple("QUEUED"u8);
            return;
        }
        c.Client.Transaction = new Network.Transaction { HasFailed = true };
        c.Reply.Error(Errors.HoldsTooMuch);
    }

    private bool Refuses(CommandContext c, Command command)
    {
        if (!command.Accepts(c.Count))
        {
            // EXEC ends the transaction even when it is sent wrongly.
            if (command.Name == "exec") c.EndTransaction();
            if (command.Name == "exec") c.Reply.Error("EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command"u8);
            else c.WrongArity(command.Name);
            return true;
        }
        if (c.Client.IsStranger && !command.Is(CommandFlags.NoAuth))
        {
            c.Reply.Error(Errors.NoAuth);
            return true;
        }
        if (engine.Keyspace.Journal?.Failure is { } failure && (command.Is(CommandFlags.Write) || (command.Name == "exec" && c.Client.Transaction is { Writes: true })))
        {
            if (command.Name == "exec") c.EndTransaction();
            c.Reply.Error(Errors.CannotWrite(failure));
            return true;
        }
        var queues = c.Client.Transaction is not null && !command.Is(CommandFlags.NoMulti);
        if (engine.Settings.MaxMemoryBytes > 0 && (queues || command.Is(CommandFlags.Write)) && !HasRoom && (queues || command.Is(CommandFlags.DenyOom)))
        {
            c.Reply.Error(Errors.OutOfMemory);
            return true;
        }
        if (!c.Client.OnlyListens || command.Is(CommandFlags.Subscriber)) return false;
        c.Reply.Error($"ERR Can't execute '{c.FullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
        return true;
    }

    private static void RefuseUnknown(CommandContext c)
    {
        var text = new ErrorText(literalLength: 2 * QuotedBytes, formattedCount: 0, c.Reply);
        text.AppendLiteral("ERR unknown command '");
        text.AppendFormatted(c.Beginning(0, QuotedBytes));
        text.AppendLiteral("', with args beginning with: ");
        var quoted = 0;
        for (var i = 1; i < c.Count && quoted < QuotedBytes; i++)
        {
            var argument = c.Beginning(i, QuotedBytes - quoted);
            text.AppendLiteral("'");
            text.AppendFormatted(argument);
            text.AppendLiteral("' ");
            quoted += argument.Length + 3;
        }
        c.Reply.Error(text);
    }
}
