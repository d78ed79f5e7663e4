namespace FeedMall.KvStore.Commands;

/// <summary>Finds commands by name, in any case. The groups' rows are all there is to know.</summary>
internal sealed class CommandTable
{
    private const int Slots = 1024; // a power of two, several times the number of commands

    private readonly Command?[] _slots = new Command?[Slots];

    public CommandTable()
    {
        All =
        [
            .. ConnectionCommands.Rows, .. ClientCommands.Rows, .. ServerCommands.Rows, .. ConfigCommands.Rows, .. CommandCommands.Rows,
            .. StringCommands.Rows, .. RangeCommands.Rows, .. CounterCommands.Rows, .. KeyCommands.Rows, .. ExpiryCommands.Rows, .. ScanCommands.Rows,
            .. HashCommands.Rows, .. ListCommands.Rows, .. SetCommands.Rows, .. SortedSetCommands.Rows, .. SortedSetRangeCommands.Rows,
            .. TransactionCommands.Rows, .. PubSubCommands.Rows,
        ];
        foreach (var command in All)
        {
            var at = Slot(System.Text.Encoding.ASCII.GetBytes(command.Name));
            while (_slots[at] is not null) at = (at + 1) & (Slots - 1);
            _slots[at] = command;
        }
    }

    public IReadOnlyList<Command> All { get; }

    /// <summary>The command of this name, or null.</summary>
    public Command? Find(ReadOnlySpan<byte> name)
    {
        for (var at = Slot(name); _slots[at] is { } command; at = (at + 1) & (Slots - 1))
            if (Word.Is(name, command.Name)) return command;
        return null;
    }

    private static int Slot(ReadOnlySpan<byte> name)
    {
        var hash = (uint)name.Length;
        foreach (var letter in name[..Math.Min(name.Length, 12)]) hash = hash * 31 + (letter | 0x20u);
        return (int)(hash * 0x9E3779B1 >> 22);
    }
}
