using System.Text;
using FeedMall.KvStore.Protocol;
using Xunit;

namespace FeedMall.Tests.KvStore;

/// <summary>Whatever the pieces in which bytes come, they mean the same.</summary>
public sealed class RequestParserTests
{
    private const string Stream = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$6\r\nx\r\n\r\ny\r\nPING\r\n*0\r\n\r\n  set \"q\\\"\\x41\" 'it\\'s' \"\"\r\n*1\r\n$0\r\n\r\n";
    private static readonly byte[] s_letters = "*$\r\n0123456789-\"'\\x ab"u8.ToArray();
    private static readonly string[] s_commands = ["SET|a|x\r\n\r\ny", "PING", "", "", "set|q\"A|it's|", ""];

    [Fact]
    public void Commands_are_the_same_wherever_the_bytes_are_split()
    {
        var bytes = Encoding.Latin1.GetBytes(Stream);
        for (var first = 0; first <= bytes.Length; first++)
            for (var second = first; second <= bytes.Length; second++)
                Assert.Equal(s_commands, Read(bytes, first, second, bytes.Length));
    }

    [Fact]
    public void Commands_are_the_same_when_every_byte_comes_alone() =>
        Assert.Equal(s_commands, Read(Encoding.Latin1.GetBytes(Stream), [.. Enumerable.Range(1, Stream.Length)]));

    [Theory]
    [InlineData("*abc\r\n", "invalid multibulk length")]
    [InlineData("*1048577\r\n", "invalid multibulk length")]
    [InlineData("*99999999999999999999999\r\n", "invalid multibulk length")]
    [InlineData("*1\n$4\r\nPING\r\n", "invalid multibulk length")]
    [InlineData("*1\r\nPING\r\n", "expected '$', got 'P'")]
    [InlineData("*1\r\n$-5\r\n", "invalid bulk length")]
    [InlineData("*1\r\n$+5\r\n", "invalid bulk length")]
    [InlineData("*1\r\n$67108865\r\n", "invalid bulk length")]
    [InlineData("*1\r\n$2\r\nabcd", "expected CRLF")]
    [InlineData("\"a\r\n", "unbalanced quotes")]
    [InlineData("\"a\"b\r\n", "unbalanced quotes")]
    [InlineData("'a\\'\r\n", "unbalanced quotes")]
    public void What_is_no_command_is_refused(string text, string error)
    {
        var parser = new RequestParser(new RequestLimits());
        var bytes = Encoding.Latin1.GetBytes(text);
        var refusal = Record.Exception(() => parser.TryParse(bytes));
        Assert.Contains(error, Assert.IsType<ProtocolException>(refusal).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*11\r\n", "unauthenticated multibulk length")]
    [InlineData("*1\r\n$16385\r\n", "unauthenticated bulk length")]
    public void A_stranger_may_send_little(string text, string error)
    {
        var parser = new RequestParser(new RequestLimits()) { IsStranger = true };
        Assert.Contains(error, Assert.Throws<ProtocolException>(() => parser.TryParse(Encoding.Latin1.GetBytes(text))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_bytes_are_a_command_or_an_error_and_never_anything_else()
    {
        var chance = new Random(7);
        for (var round = 0; round < 200_000; round++)
        {
            var bytes = new byte[chance.Next(1, 60)];
            for (var i = 0; i < bytes.Length; i++) bytes[i] = chance.Next(3) > 0 ? s_letters[chance.Next(s_letters.Length)] : (byte)chance.Next(256);
            var parser = new RequestParser(new RequestLimits());
            try
            {
                if (!parser.TryParse(bytes)) continue;
                Assert.InRange(parser.Consumed, 1, bytes.Length);
                for (var i = 0; i < parser.Count; i++) Assert.InRange(parser.Start(i) + parser.Length(i), 0, bytes.Length);
            }
            catch (Exception refused) when (refused is ProtocolException or ConnectionEndException)
            {
                // Refused is as good as read.
            }
        }
    }

    private static List<string> Read(byte[] bytes, params int[] arrivals)
    {
        var parser = new RequestParser(new RequestLimits());
        var copy = bytes.ToArray(); // inline words are unquoted in place
        var commands = new List<string>();
        var start = 0;
        foreach (var end in arrivals)
        {
            while (start < end && parser.TryParse(copy.AsSpan(start, end - start)))
            {
                commands.Add(string.Join('|', Enumerable.Range(0, parser.Count).Select(i => Encoding.Latin1.GetString(copy, start + parser.Start(i), parser.Length(i)))));
                start += parser.Consumed;
                parser.Reset();
            }
        }
        Assert.Equal(bytes.Length, start);
        return commands;
    }
}
