using System.Globalization;
using System.Text;
using FeedMall.KvStore;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Network;
using FeedMall.KvStore.Protocol;
using FeedMall.Testing;
using FeedMall.Tests.Resilience;
using Microsoft.Extensions.Options;
using Xunit;

namespace FeedMall.Tests.KvStore;

/// <summary>From the bytes of a command to the bytes of its reply nothing is allocated where a cache spends its time.</summary>
public sealed class CommandAllocationTests : IDisposable
{
    private readonly KvEngine _engine = new(Options.Create(new KvOptions()), new TestClock(), new TestChance());
    private readonly Client _client;
    private readonly CommandContext _context;
    private readonly Batch _batch;
    private readonly RequestParser _parser;

    public CommandAllocationTests()
    {
        _client = new Client(1, "client", "server", _engine);
        (_context, _batch, _parser) = (new CommandContext(_engine, _client), new Batch(_engine, _client), new RequestParser(_engine.Settings.Limits));
    }

    public void Dispose() => _client.Reply.Dispose();

    [Theory]
    [InlineData("GET key")]
    [InlineData("GET missing")]
    [InlineData("SET key value")]
    [InlineData("SET key value EX 100")]
    [InlineData("INCR number")]
    [InlineData("EXISTS key")]
    [InlineData("PING")]
    [InlineData("HGET hash field")]
    public void A_command_allocates_nothing(string line)
    {
        foreach (var before in new[] { "SET key value", "SET number 1", "HSET hash field value" }) Run(Encode(before));
        var bytes = Encode(line);
        Assert.Equal(0, Allocations.Of(() => Run(bytes)));
        Assert.NotEqual((byte)'-', _client.Reply.Written.Span[0]);
    }

    // Whoever sends nonsense shall not make the collector stop everybody.
    [Theory]
    [InlineData("GET")]
    [InlineData("NOPE a b")]
    [InlineData("SET key value NONSENSE")]
    [InlineData("SET key value EX -1")]
    [InlineData("EXPIRE key 1 SOMETIMES")]
    [InlineData("HGET key field")]
    [InlineData("HELLO 3 NONSENSE")]
    [InlineData("INCR key")]
    public void A_refusal_allocates_nothing(string line)
    {
        Run(Encode("SET key value"));
        var bytes = Encode(line);
        Assert.Equal(0, Allocations.Of(() => Run(bytes)));
        Assert.Equal((byte)'-', _client.Reply.Written.Span[0]);
    }

    private static byte[] Encode(string line)
    {
        var words = line.Split(' ');
        return Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"*{words.Length}\r\n") + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n")));
    }

    private void Run(byte[] bytes)
    {
        _client.Reply.Clear();
        Assert.True(_parser.TryParse(bytes));
        _batch.Begin(bytes.Length);
        _context.Use(bytes, 0, _parser);
        _batch.Run(_context);
        _parser.Reset();
        _batch.End();
    }
}
