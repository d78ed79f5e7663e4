using System.Diagnostics;
using System.Text.Json.Nodes;
using FeedMall.Rpc;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Logs;
using FeedMall.Testing;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults;

public sealed class LogFormatterTests
{
    private static readonly ServiceIdentity Feed = new("Feed") { Instance = "one" };

    [Fact]
    public void A_line_of_JSON_has_the_unified_fields_in_order()
    {
        Activity.Current = null;
        Assert.Equal(
            """{"lv":"info","ts":"2026-01-01T00:00:00.000Z","msg":"migration 001_feed ran","aid":"feed","iid":"one","cat":"Tests","event":"Ran","fields":{"Script":"001_feed"}}""" + "\n",
            Write(new JsonLogFormatter(Feed, new TestClock()), LogLevel.Information, "migration {Script} ran", null, "001_feed"));
    }

    [Fact]
    public void Inside_of_a_request_the_line_has_its_trace_id()
    {
        using var activity = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        var line = JsonNode.Parse(Write(new JsonLogFormatter(Feed, new TestClock()), LogLevel.Warning, "slow {Ms}", null, 12))!;
        Assert.Equal(activity.TraceId.ToHexString(), (string?)line["tid"]);
        Assert.Equal("warn", (string?)line["lv"]);
    }

    [Fact]
    public void In_a_domain_service_the_line_says_what_came_with_the_call()
    {
        try
        {
            RequestContext.Current = new RequestContext(
                TimeSpan.FromSeconds(1),
                new Metadata { { "x-md-global-uid", "42" }, { "x-md-global-app", new string('a', 500) }, { "x-md-global-client-ip", "198.51.100.7" }, { "authorization", "secret" } },
                CancellationToken.None, TimeProvider.System);
            var line = JsonNode.Parse(Write(new JsonLogFormatter(Feed, new TestClock()), LogLevel.Warning, "slow {Ms}", null, 12))!;
            Assert.Equal(("42", "198.51.100.7", null), ((string?)line["uid"], (string?)line["client_address"], (string?)line["color"]));
            Assert.InRange(((string)line["app"]!).Length, 60, 70);
            Assert.DoesNotContain("secret", line.ToJsonString(), StringComparison.Ordinal);
        }
        finally
        {
            RequestContext.Current = null;
        }
    }

    [Fact]
    public void Whatever_is_logged_stays_one_line_and_has_a_bounded_length()
    {
        var exception = new InvalidOperationException(new string('e', 50_000) + "\n   at nowhere");
        var text = Write(new JsonLogFormatter(Feed, new TestClock()), LogLevel.Error, "first\nsecond {Value}", exception, "\u2028\"\\\r\n" + new string('v', 50_000));
        Assert.Equal(text.Length - 1, text.IndexOf('\n', StringComparison.Ordinal));
        Assert.InRange(text.Length, 1, 14_000);
        Assert.StartsWith("first\nsecond", (string?)JsonNode.Parse(text)!["msg"], StringComparison.Ordinal);
    }

    [Fact]
    public void For_people_a_line_is_time_level_service_message_and_an_exception_follows()
    {
        var text = Write(new TextLogFormatter(Feed, new TestClock()), LogLevel.Error, "it broke\nat {Place}", new InvalidOperationException("why"), "home");
        var lines = text.Split('\n');
        Assert.EndsWith("ERR feed  it broke at home", lines[0], StringComparison.Ordinal);
        Assert.Equal("System.InvalidOperationException: why", lines[1]);
    }

    private static string Write(ConsoleFormatter formatter, LogLevel level, string template, Exception? exception, object value)
    {
        using var writer = new StringWriter();
        var name = template.Split('{', '}')[1];
        KeyValuePair<string, object?>[] state = [new(name, value), new("{OriginalFormat}", template)];
        formatter.Write(
            new LogEntry<IReadOnlyList<KeyValuePair<string, object?>>>(
                level, "Tests", new EventId(1, "Ran"), state, exception, (fields, _) => template.Replace($"{{{name}}}", $"{fields[0].Value}", StringComparison.Ordinal)),
            null, writer);
        return writer.ToString();
    }
}
