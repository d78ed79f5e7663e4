using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace FeedMall.ServiceDefaults.Logs;

/// <summary>One short line per entry, for people: time, level, service, message; an exception follows on its own lines.</summary>
internal sealed class TextLogFormatter(ServiceIdentity identity, TimeProvider clock) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "feedmall-text";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var time = clock.GetUtcNow().ToOffset(clock.LocalTimeZone.GetUtcOffset(clock.GetUtcNow()));
        textWriter.Write(time.ToString("HH:mm:ss.fff ", CultureInfo.InvariantCulture));
        textWriter.Write(NameOf(logEntry.LogLevel));
        textWriter.Write($" {identity.Name,-5} ");
        textWriter.WriteLine(logEntry.Formatter(logEntry.State, null).ReplaceLineEndings(" "));
        if (logEntry.Exception is { } exception) textWriter.WriteLine(exception.ToString());
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
