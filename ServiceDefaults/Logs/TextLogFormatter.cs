using System.Globalization;
using FeedMall.ServiceDefaults.Validation;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace FeedMall.ServiceDefaults.Logs;

/// <summary>One short line per entry, for people: time, level, service, message; an exception follows on its own lines.</summary>
internal sealed class TextLogFormatter(ServiceIdentity identity, TimeProvider clock) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "feedmall-text";

    private const int MaxLength = 8192;

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var time = clock.GetUtcNow().ToOffset(clock.LocalTimeZone.GetUtcOffset(clock.GetUtcNow()));
        textWriter.Write(time.ToString("HH:mm:ss.fff ", CultureInfo.InvariantCulture));
        textWriter.Write(NameOf(logEntry.LogLevel));
        textWriter.Write($" {identity.Name,-5} ");
        textWriter.WriteLine(Printable(logEntry.Formatter(logEntry.State, null).ReplaceLineEndings(" ")));
        if (logEntry.Exception is { } exception) textWriter.WriteLine(Printable(exception.ToString()));
    }

    // What a caller sent may be part of a message; escape sequences in it would drive the terminal.
    private static string Printable(string text)
    {
        var cut = text.Length <= MaxLength ? text : text[..MaxLength] + "…";
        return cut.AsSpan().ContainsAny(Characters.Forbidden) ? string.Concat(cut.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '?' : c)) : cut;
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "TRC",
        LogLevel.Debug => "DBG",
        LogLevel.Information => "INF",
        LogLevel.Warning => "WRN",
        LogLevel.Error => "ERR",
        _ => "FTL",
    };
}
