using FeedMall.KvStore.Commands;

namespace FeedMall.KvStore.Network;

/// <summary>
/// The commands that one connection runs while it holds the data lock once. Commands of constant time are timed together and get their average,
/// the others are timed one by one; so the clock is read now and then instead of twice for each command.
/// </summary>
internal sealed class Batch(KvEngine engine, Client client)
{
    private const double MostMicroseconds = 25;
    private const int CommandsBetweenLooks = 16; // at the clock, which costs a tenth of a fast command
    private const int RetiredBlocks = 64; // some microseconds
    private const int MostReplyBytes = 256 * 1024;

    private readonly List<(Command Command, int Calls)> _fast = new(4);
    private long _began;
    private double _slowMicroseconds, _spentMicroseconds;
    private int _commands, _fastCommands;
    private long _effects;

    /// <summary>Whether others shall have their turn before the next command.</summary>
    public bool IsFull => _spentMicroseconds >= MostMicroseconds || client.Reply.Length >= MostReplyBytes;

    /// <summary>What its replies must wait for; null: nothing.</summary>
    public Task<bool>? Held { get; private set; }

    /// <summary>Takes the lock.</summary>
    /// <param name="received">Bytes that wait to be read.</param>
    public void Begin(int received)
    {
        var asked = engine.Clock.Timestamp;
        var waited = engine.Keyspace.Gate.Enter();
        _began = waited ? engine.Clock.Timestamp : asked;
        engine.Keyspace.NowMs = engine.Clock.NowMsAt(_began);
        client.LastActiveMs = engine.Clock.ElapsedMsAt(_began);
        engine.Traffic.BytesIn += received;
        (_slowMicroseconds, _spentMicroseconds, _commands, _fastCommands) = (0, 0, 0, 0);
        _effects = engine.Keyspace.Journal?.Effects ?? 0;
        if (!waited) return;
        engine.Traffic.LockWaits++;
        engine.Traffic.LockWaitMicroseconds += engine.Clock.Microseconds(asked, _began);
    }

    /// <summary>Runs one command.</summary>
    public void Run(CommandContext c)
    {
        _commands++;
        var replied = client.Reply.Length;
        var command = engine.Commands.Find(c[0]);
        if (command is null || command.Is(CommandFlags.Fast))
        {
            if (engine.Runner.Run(c, command) && command is not null) CountFast(command);
            if (_commands % CommandsBetweenLooks == 0) _spentMicroseconds = engine.Clock.Microseconds(_began, engine.Clock.Timestamp);
        }
        else
        {
            var began = engine.Clock.Timestamp;
            var ran = engine.Runner.Run(c, command);
            var ended = engine.Clock.Timestamp;
            var took = engine.Clock.Microseconds(began, ended);
            _slowMicroseconds += took;
            _spentMicroseconds = engine.Clock.Microseconds(_began, ended);
            if (ran) command.Statistics.Add(1, took);
            if (took >= engine.Settings.SlowLogMicroseconds && engine.Settings.SlowLogMicroseconds >= 0) NoteSlow(c, took);
        }
        if (client.Reply.HasFailed) engine.Traffic.ErrorReplies++;
        engine.Traffic.BytesOut += client.Reply.Length - replied;
    }

    /// <summary>Gives the lock back.</summary>
    public void End()
    {
        engine.Traffic.Commands += _commands;
        if (_fastCommands > 0)
        {
            var each = Math.Max(engine.Clock.Microseconds(_began, engine.Clock.Timestamp) - _slowMicroseconds, 0) / _fastCommands;
            foreach (var (command, calls) in _fast) command.Statistics.Add(calls, each);
            client.LastCommand = _fast[^1].Command.Name;
            _fast.Clear();
        }
        if (!engine.Keyspace.Retired.IsEmpty) engine.Keyspace.Retired.FreeSome(RetiredBlocks);
        Held = engine.Keyspace.Journal?.Hold();
        // Before the lock is given back: whatever is published from now on comes behind these replies. Those that must wait for the disk are taken then.
        if (Held is null || engine.Keyspace.Journal!.Effects == _effects) client.TakeReplies();
        var filled = engine.PubSub.TakeFilled();
        engine.Keyspace.Gate.Exit();
        foreach (var outbox in filled) _ = outbox.FlushAsync();
    }

    private void CountFast(Command command)
    {
        _fastCommands++;
        if (_fast.Count > 0 && _fast[^1].Command == (object)command) _fast[^1] = (command, _fast[^1].Calls + 1);
        else _fast.Add((command, 1));
    }

    private void NoteSlow(CommandContext c, double microseconds)
    {
        var arguments = new List<byte[]>();
        for (var i = 0; i < Math.Min(c.Count, SlowLog.MaxArguments); i++)
            arguments.Add(c[i][..Math.Min(c[i].Length, SlowLog.MaxArgumentBytes)].ToArray());
        var slow = new SlowCommand(0, c.NowMs / 1000, (long)microseconds, arguments, client.Address, client.Name);
        engine.SlowLog.Add(slow, engine.Settings.SlowLogEntries);
    }
}
