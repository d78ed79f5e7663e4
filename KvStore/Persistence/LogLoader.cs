using System.Buffers;
using System.Globalization;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Network;
using FeedMall.KvStore.Protocol;
using FeedMall.ServiceDefaults;

namespace FeedMall.KvStore.Persistence;

/// <summary>
/// Runs the commands of the files, before anybody is connected. Time stands still meanwhile: what has expired has its DEL in the file, or goes
/// when all is loaded. A command, or a transaction, that the end of the last file cuts off is cut off the file; anything else that cannot be run
/// refuses the start.
/// </summary>
internal sealed partial class LogLoader(KvEngine engine, ILogger log, TimeProvider clock)
{
    private const int FirstBytes = 1 << 20;
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);

    // What was accepted once is not refused because a limit was lowered since.
    private readonly RequestParser _parser = new(new RequestLimits { MaxBulkBytes = int.MaxValue, MaxArguments = int.MaxValue, MaxRequestBytes = long.MaxValue });
    private readonly ArrayBufferWriter<byte> _unit = new();
    private readonly CommandContext _context = new(engine, new Client(0, "append-only file", "", engine));
    private byte[] _buffer = new byte[FirstBytes];
    private int _start, _end;
    private long _offset, _unitOffset, _reported;
    private bool _isUnit;
    private string _name = "";

    /// <summary>Commands that were run.</summary>
    public long Commands { get; private set; }

    /// <summary>Loads a file.</summary>
    /// <param name="mayBeTorn">Whether its end may be missing.</param>
    /// <exception cref="StartException">It cannot be loaded.</exception>
    public void Load(string path, bool mayBeTorn, CancellationToken cancellationToken)
    {
        _name = path;
        (_start, _end, _offset, _isUnit) = (0, 0, 0, false);
        _context.Client.Database = 0;
        _context.Client.Reply.MaxBytes = int.MaxValue;
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        for (var left = WrittenLength(file); left > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            MakeRoom();
            var read = file.Read(_buffer.AsSpan(_end, (int)Math.Min(left, _buffer.Length - _end)));
            (_end, left) = (_end + read, left - read);
            RunAll();
            Report(file.Length);
        }
        var whole = _isUnit ? _unitOffset : _offset;
        if (whole < file.Length) Cut(file, whole, mayBeTorn);
        _parser.Reset();
    }

    // The file system may have made the file longer than what had been written: then zeros follow. A command never ends with one.
    private long WrittenLength(FileStream file)
    {
        var length = file.Length;
        for (var last = -1; length > 0 && last < 0;)
        {
            var tail = _buffer.AsSpan(0, (int)Math.Min(length, _buffer.Length));
            file.Position = length - tail.Length;
            file.ReadExactly(tail);
            last = tail.LastIndexOfAnyExcept((byte)0);
            length -= tail.Length - (last + 1);
        }
        file.Position = 0;
        return length;
    }

    private void RunAll()
    {
        while (TryParse())
        {
            Run();
            (_start, _offset) = (_start + _parser.Consumed, _offset + _parser.Consumed);
            _parser.Reset();
        }
    }

    private bool TryParse()
    {
        var bytes = _buffer.AsSpan(_start, _end - _start);
        if (bytes.Length == 0) return false;
        if (bytes[0] != '*') throw Refuse("a command must begin here");
        try
        {
            return _parser.TryParse(bytes);
        }
        catch (ProtocolException broken)
        {
            throw Refuse(broken.Message);
        }
    }

    private void Run()
    {
        _context.Use(_buffer, _start, _parser);
        if (_context.Count == 0) throw Refuse("an empty command");
        if (_context.Is(0, "multi")) (_isUnit, _unitOffset) = (true, _offset);
        else if (_context.Is(0, "exec") && _isUnit) RunUnit();
        else if (_isUnit) _unit.Write(_buffer.AsSpan(_start, _parser.Consumed));
        else Apply(_context);
    }

    private void RunUnit()
    {
        var (parser, context) = (new RequestParser(new RequestLimits { MaxBulkBytes = int.MaxValue, MaxArguments = int.MaxValue, MaxRequestBytes = long.MaxValue }), new CommandContext(engine, _context.Client));
        var bytes = _unit.WrittenSpan.ToArray();
        for (var at = 0; at < bytes.Length; at += parser.Consumed)
        {
            parser.Reset();
            parser.TryParse(bytes.AsSpan(at));
            context.Use(bytes, at, parser);
            Apply(context);
        }
        _unit.ResetWrittenCount();
        _isUnit = false;
    }

    private void Apply(CommandContext c)
    {
        var command = engine.Commands.Find(c[0]);
        if (command is null || !(command.Is(CommandFlags.Write) || command.Name == "select") || !command.Accepts(c.Count)) throw Refuse($"'{c.Latin(0, 64)}' is no command that belongs here");
        c.Command = command;
        c.Reply.HasFailed = false;
        command.Run(c);
        if (c.Reply.HasFailed) throw Refuse($"'{c.Latin(0, 64)}' answers {System.Text.Encoding.Latin1.GetString(c.Reply.Written.Span).TrimEnd()}");
        c.Reply.Clear();
        Commands++;
    }

    private void MakeRoom()
    {
        var used = _end - _start;
        if (_start > 0) _buffer.AsSpan(_start, used).CopyTo(_buffer);
        (_start, _end) = (0, used);
        if (used == _buffer.Length) Array.Resize(ref _buffer, (int)Math.Min(_buffer.Length * 2L, Array.MaxLength));
    }

    // What is cut off is kept beside the file: nobody can tell a torn end from a length that was damaged.
    private void Cut(FileStream file, long whole, bool mayBeTorn)
    {
        if (!mayBeTorn) throw new StartException(FormattableString.Invariant($"{_name} ends in the middle of a command that begins at byte {whole}, and is not the last file. Bring the file back from a copy, or cut it there by hand (truncate -s {whole}) and take the later files out of the manifest: what they hold is lost then."));
        var kept = FormattableString.Invariant($"{_name}.cut-{whole}");
        using (var rest = File.Create(kept))
        {
            file.Position = whole;
            file.CopyTo(rest);
        }
        LogCut(log, _name, whole, file.Length - whole, kept);
        file.SetLength(whole);
        file.Flush(flushToDisk: true);
        _unit.ResetWrittenCount();
    }

    private StartException Refuse(string what) => new(string.Create(CultureInfo.InvariantCulture,
        $"{_name} is damaged at byte {_offset} ({what}), so the data is not loaded. Bring the file back from a copy, or keep what lies before: make a copy, then truncate -s {_offset} '{_name}'; files after it must be taken out of the manifest."));

    private void Report(long length)
    {
        if (_reported == 0) _reported = clock.GetTimestamp();
        if (clock.GetElapsedTime(_reported) < ProgressInterval) return;
        _reported = clock.GetTimestamp();
        LogProgress(log, _name, _offset, length, Commands);
    }

    [LoggerMessage(40, LogLevel.Information, "Loading {File}: {Done} of {Total} bytes, {Commands} commands so far")]
    private static partial void LogProgress(ILogger log, string file, long done, long total, long commands);

    [LoggerMessage(41, LogLevel.Warning, "{File} ended in the middle of a command: it was cut at byte {Offset}, and the {Bytes} bytes behind are now in {Kept}. They were never acknowledged if Kv:AppendSync was always")]
    private static partial void LogCut(ILogger log, string file, long offset, long bytes, string kept);
}
