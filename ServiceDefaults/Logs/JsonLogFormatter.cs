using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace FeedMall.ServiceDefaults.Logs;

/// <summary>Nothing to set: the formats are fixed, so that tools can rely on them.</summary>
internal sealed class LogFormatterOptions : ConsoleFormatterOptions;

/// <summary>One line of JSON per entry, with the same fields in every service. Long values are cut: a log line is no place for a body.</summary>
internal sealed class JsonLogFormatter(ServiceIdentity identity, TimeProvider clock) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "feedmall-json";

    private const int MaxFields = 32;
    private const int MaxValueLength = 1024;
    private const int MaxRequestFieldLength = 64;
    private const int MaxExceptionLength = 8192;
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Relaxed))
        {
            json.WriteStartObject();
            json.WriteString("lv", NameOf(logEntry.LogLevel));
            json.WriteString("ts", clock.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            json.WriteString("msg", Cut(logEntry.Formatter(logEntry.State, null), MaxValueLength));
            json.WriteString("aid", identity.Name);
            json.WriteString("iid", identity.Instance);
            if (Activity.Current is { } activity) json.WriteString("tid", activity.TraceId.ToHexString());
            RequestFields.Current?.Write((name, value) => json.WriteString(name, Cut(value, MaxRequestFieldLength)));
            json.WriteString("cat", logEntry.Category);
            if (logEntry.EventId.Name is { } name) json.WriteString("event", name);
            WriteFields(json, logEntry.State);
            if (logEntry.Exception is { } exception) json.WriteString("ex", Cut(exception.ToString(), MaxExceptionLength));
            json.WriteEndObject();
        }
        textWriter.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static void WriteFields<TState>(Utf8JsonWriter json, TState state)
    {
        if (state is not IReadOnlyList<KeyValuePair<string, object?>> { Count: > 1 } fields) return;
        json.WriteStartObject("fields");
        for (var i = 0; i < fields.Count && i < MaxFields; i++)
        {
            var (key, value) = fields[i];
            // The template of the message, which the message itself makes superfluous.
            if (key == "{OriginalFormat}") continue;
            json.WriteString(key, Cut(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "", MaxValueLength));
        }
        json.WriteEndObject();
    }

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..length] + "…";

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "fatal",
    };
}
