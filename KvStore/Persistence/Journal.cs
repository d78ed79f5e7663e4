using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Persistence;

/// <summary>When what was written is on the disk.</summary>
internal enum SyncPolicy
{
    /// <summary>Before it is acknowledged.</summary>
    Always,
    /// <summary>About a second later.</summary>
    EverySecond,
    /// <summary>When the system likes.</summary>
    No,
}

/// <summary>
/// The effects of commands in the order in which they happened, until the writer takes them to the file. Everything in it is guarded by the data lock;
/// nothing in it waits. Effects that belong together (a transaction) lie between MULTI and EXEC, so that half of them is never applied.
/// </summary>
internal sealed class Journal(KvEngine engine) : IDisposable
{
    private const int WakeBytes = 256 * 1024;

    private readonly Command? _exec = engine.Commands.Find("exec"u8);
    private ReplyWriter _filling = new(), _taken = new();
    private TaskCompletionSource<bool>? _fillingDone, _takenDone;
    private int _database = -1;
    private long _removals;
    private bool _isUnit, _hasUnit;

    /// <summary>Why nothing can be written; null when all is well. Without the lock it may be a moment old.</summary>
    public string? Failure { get; private set; }

    /// <summary>The snapshot that is being made.</summary>
    public Snapshot? Snapshot { get; set; }

    /// <summary>How many effects there were.</summary>
    public long Effects { get; private set; }

    /// <summary>Bytes that are not in the file yet.</summary>
    public int PendingBytes => _filling.Length + _taken.Length;

    /// <summary>Whether something was taken and could not be written.</summary>
    public bool HasLeftOver => _taken.Length > 0;

    /// <summary>Called when there is something to write.</summary>
    public Action Wake { get; set; } = () => { };

    /// <summary>Runs a command and writes down what it has done.</summary>
    public void Run(CommandContext c)
    {
        if (!c.Command.Is(CommandFlags.Write))
        {
            RunOther(c);
            return;
        }
        Snapshot?.Keep(c);
        var (changes, replied) = (Changes, c.Reply.Length);
        var isDone = false;
        try
        {
            c.Command.Run(c);
            isDone = true;
        }
        finally
        {
            // It was cut off, so what it has done is seen only by its keys.
            if (!isDone) AddStates(c);
        }
        if (c.Reply.HasFailed || Changes == changes) return;
        var log = Open(c.Database.Number);
        if (c.Command.Effect is { } effect) effect(c, c.Reply.Written.Span[replied..], log);
        else Persistence.Effects.Verbatim(c, log);
    }

    /// <summary>An entry's time has come, or it had to make room.</summary>
    public void Delete(int database, ReadOnlySpan<byte> key)
    {
        _removals++;
        Persistence.Effects.Delete(key, Open(database));
    }

    /// <summary>
    /// What the replies of the batch that ends now must wait for; null: nothing. False as its result: it could not be written. Whoever waits for it wakes the writer, and goes on
    /// where the task is ended, under the data lock.
    /// </summary>
    public Task<bool>? Hold()
    {
        if (PendingBytes == 0) return null;
        if (Failure is not null) return null;
        var isAlways = engine.Settings.AppendSync == SyncPolicy.Always;
        if (_filling.Length >= WakeBytes) Wake();
        if (!isAlways && _filling.Length < engine.Settings.Start.AppendBufferBytes) return null;
        ref var done = ref _takenDone;
        if (_filling.Length > 0) done = ref _fillingDone;
        done ??= new TaskCompletionSource<bool>();
        return done.Task;
    }

    /// <summary>Hands what is there to the writer, unless it still has something.</summary>
    public ReplyWriter Take()
    {
        if (_taken.Length > 0) return _taken;
        (_filling, _taken) = (_taken, _filling);
        (_fillingDone, _takenDone) = (_takenDone, _fillingDone);
        return _taken;
    }

    /// <summary>What was taken is written.</summary>
    /// <param name="endsFailure">Whether writes may be accepted again.</param>
    public void TakenIsSafe(bool endsFailure)
    {
        if (endsFailure) Failure = null;
        _taken.Clear();
        Complete(ref _takenDone, isWritten: true);
    }

    /// <summary>It is not; it will be tried again, and until then nothing new may come.</summary>
    public void Fail(string reason)
    {
        Failure = reason;
        // Where replies do not wait for the disk, those that waited for room go out.
        var isWritten = engine.Settings.AppendSync != SyncPolicy.Always;
        Complete(ref _takenDone, isWritten);
        Complete(ref _fillingDone, isWritten);
    }

    /// <summary>Forgets what is not written: a snapshot of now has it.</summary>
    public void Drop()
    {
        _filling.Clear();
        DropTaken();
    }

    /// <summary>Forgets what was taken.</summary>
    public void DropTaken() => _taken.Clear();

    /// <summary>What comes now begins another file.</summary>
    public void BeginFile() => _database = -1;

    /// <summary>Writes SELECT.</summary>
    public static void Select(int database, ReplyWriter log)
    {
        log.Array(2);
        log.Bulk("SELECT"u8);
        log.BulkInteger(database);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _filling.Dispose();
        _taken.Dispose();
    }

    // Expired entries count as changes too, but they are written down already.
    private long Changes => engine.Keyspace.Changes - _removals;

    private void RunOther(CommandContext c)
    {
        if (!ReferenceEquals(c.Command, _exec))
        {
            c.Command.Run(c);
            return;
        }
        _isUnit = true;
        try
        {
            c.Command.Run(c);
        }
        finally
        {
            _isUnit = false;
            if (_hasUnit) AddWord("EXEC"u8);
            _hasUnit = false;
        }
    }

    // Where the next effect is written.
    private ReplyWriter Open(int database)
    {
        Effects++;
        if (_isUnit && !_hasUnit)
        {
            _hasUnit = true;
            AddWord("MULTI"u8);
        }
        if (_database != database) Select(_database = database, _filling);
        return _filling;
    }

    private void AddWord(ReadOnlySpan<byte> word)
    {
        _filling.Array(1);
        _filling.Bulk(word);
    }

    private void AddStates(CommandContext c)
    {
        foreach (var at in c.Command.KeyPlaces(c.Count))
        {
            var log = Open(c.Database.Number);
            Persistence.Effects.Delete(c[at], log);
            var block = c.Database.Find(c[at], out _, isUse: false);
            if (block != 0) Dump.Write(c.Database, block, log);
        }
    }

    private static void Complete(ref TaskCompletionSource<bool>? done, bool isWritten)
    {
        done?.TrySetResult(isWritten);
        done = null;
    }
}
