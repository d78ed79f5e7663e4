using System.Text;
using FeedMall.KvStore;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Network;
using FeedMall.KvStore.Protocol;
using FeedMall.Testing;
using Microsoft.Extensions.Options;
using Xunit;

namespace FeedMall.Tests.KvStore;

/// <summary>Who sends much does not keep the others waiting.</summary>
public sealed class TurnTests
{
    [Fact]
    public async Task Whoever_has_more_goes_on_behind_the_others_a_few_each_round()
    {
        using var loop = new ReadyLoop();
        var order = new List<string>();
        async Task BehindAsync(int number)
        {
            await loop.TurnBehind();
            order.Add($"{number}");
        }

        async Task AnswerAsync()
        {
            for (var round = 0; round < 3; round++)
            {
                await loop.NextTurn();
                order.Add("answer");
            }
        }

        // All of it on the loop's thread, so nothing runs before all wait.
        await loop.NextTurn();
        await Task.WhenAll([.. Enumerable.Range(0, 10).Select(BehindAsync), AnswerAsync()]);
        Assert.Equal(["answer", "0", "1", "2", "3", "answer", "4", "5", "6", "7", "answer", "8", "9"], order);
    }

    [Fact]
    public async Task Whoever_takes_a_turn_when_the_loop_ends_goes_on_all_the_same()
    {
        for (var round = 0; round < 200; round++)
        {
            var loop = new ReadyLoop();
            var turns = Enumerable.Range(0, 4).Select(number => Task.Run(async () =>
            {
                for (var turn = 0; turn < 5; turn++)
                {
                    if (number % 2 == 0) await loop.TurnBehind();
                    else await loop.NextTurn();
                }
            }, TestContext.Current.CancellationToken)).ToList();
            loop.Dispose();
            await Task.WhenAll(turns);
        }
    }

    [Theory]
    [InlineData("PING", 16)]
    [InlineData("NOPE", 16)]
    // Not of constant time: it is timed itself.
    [InlineData("KEYS *", 1)]
    public void A_batch_is_full_when_its_time_is_over(string line, int commands)
    {
        var clock = new TestClock();
        var engine = new KvEngine(Options.Create(new KvOptions()), clock, new TestChance());
        var client = new Client(1, "client", "server", engine);
        var (batch, context, parser) = (new Batch(engine, client), new CommandContext(engine, client), new RequestParser(engine.Settings.Limits));
        var bytes = Encoding.ASCII.GetBytes(line + "\r\n");
        for (var round = 0; round < 2; round++)
        {
            batch.Begin(bytes.Length);
            for (var i = 1; i <= commands; i++)
            {
                Assert.False(batch.IsFull);
                // Longer than a batch may take, but for the second round: there it is less.
                if (i == commands) clock.Advance(TimeSpan.FromMicroseconds(round == 0 ? 30 : 20));
                parser.Reset();
                Assert.True(parser.TryParse(bytes));
                context.Use(bytes, 0, parser);
                batch.Run(context);
            }
            Assert.Equal(round == 0, batch.IsFull);
            batch.End();
        }
    }
}
