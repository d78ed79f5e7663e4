using System.Text;

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
            else c.Reply.Error(Unknown(c));
            return false;
        }
        c.Command = command;
        if (Refuses(c, command))
        {
            command.Statistics.Rejected++;
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

    private bool Refuses(CommandContext c, Command command)
    {
        if (!command.Accepts(c.Count))
        {
            c.WrongArity(command.Name);
            return true;
        }
        if (c.Client.IsStranger && !command.Is(CommandFlags.NoAuth))
        {
            c.Reply.Error(Errors.NoAuth);
            return true;
        }
        if (command.Is(CommandFlags.Write) && engine.Keyspace.Journal?.Failure is { } failure)
        {
            c.Reply.Error(Errors.CannotWrite(failure));
            return true;
        }
        if (engine.Settings.MaxMemoryBytes == 0 || !command.Is(CommandFlags.Write)) return false;
        if (engine.Evictor.MakeRoom() || !command.Is(CommandFlags.DenyOom)) return false;
        c.Reply.Error(Errors.OutOfMemory);
        return true;
    }

    private static string Unknown(CommandContext c)
    {
        var text = new StringBuilder("ERR unknown command '").Append(c.Latin(0, QuotedBytes)).Append("', with args beginning with: ");
        var arguments = 0;
        for (var i = 1; i < c.Count && arguments < QuotedBytes; i++)
        {
            var argument = c.Latin(i, QuotedBytes - arguments);
            text.Append('\'').Append(argument).Append("' ");
            arguments += argument.Length + 3;
        }
        return text.ToString();
    }
}
