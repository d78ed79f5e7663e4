using System.Globalization;
using System.Net.Sockets;
using System.Text;
using FeedMall.Testing;
using FeedMall.Testing.Hostile;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>What INFO says about memory, beside what the system says about the process.</summary>
public sealed class MemoryAccountTests
{
    private const int Entries = 500_000;
    private const int PerRequest = 500;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Used_memory_grows_with_the_process_through_filling_deleting_and_filling_again()
    {
        using var folder = new TemporaryFolder();
        var port = FreePort.Next();
        await using var process = ServiceProcess.Start("KvStore", folder.Path, FormattableString.Invariant($"--Kv:Port={port}"), "--Kv:GovernorUrl=");
        await process.WaitForLineAsync("listens on", Cancel);
        using var client = new TcpClient("127.0.0.1", port);
        // The code of all these commands is compiled, and the buffers are there.
        for (var round = 0; round < 3; round++) await FillAsync(client, 0, 20_000, "warm");
        await AskAsync(client, "FLUSHALL\r\n", 1);
        var before = await UntilAsync(() => LookAsync(client, process), now => now.Used < 1 << 20);

        await FillAsync(client, 0, Entries, "a");
        var full = await LookAsync(client, process);
        AssertAgree(before, full);

        await DeleteHalfAsync(client);
        var half = await LookAsync(client, process);
        AssertAgree(before, half);
        Assert.True(half.Dataset < full.Dataset * 0.6);

        await FillAsync(client, Entries, Entries * 2, "b");
        AssertAgree(before, await LookAsync(client, process));

        await AskAsync(client, "FLUSHALL\r\n", 1);
        var emptied = await UntilAsync(() => LookAsync(client, process), now => now.Used < 1 << 20);
        // Pages go back at once; what stays for a while are small objects that the collector has not looked for yet.
        Assert.True(emptied.Resident - before.Resident < (full.Resident - before.Resident) / 4, FormattableString.Invariant($"{emptied.Resident - before.Resident} bytes stay"));
    }

    private static void AssertAgree(Memory before, Memory now)
    {
        var (counted, real) = (now.Used - before.Used, now.Resident - before.Resident);
        Assert.True(Math.Abs(counted - real) <= 0.15 * real, FormattableString.Invariant($"used_memory grew by {counted}, the process by {real}"));
    }

    // Values of 10 to 600 bytes, a third of the entries with an expiry, some in hashes.
    private static async Task FillAsync(TcpClient client, int from, int to, string prefix)
    {
        for (var first = from; first < to; first += PerRequest)
        {
            var text = new StringBuilder();
            for (var i = first; i < first + PerRequest; i++)
            {
                var value = new string('x', 10 + (int)(i * 7919L % 590));
                string[] words = (i % 3) switch
                {
                    0 => ["SET", $"{prefix}:{i}", value],
                    1 => ["SET", $"{prefix}:{i}", value, "EX", "100000"],
                    _ => ["HSET", $"{prefix}:h{i / 100}", $"{i}", value],
                };
                text.Append(RespConnection.Encode(words));
            }
            await AskAsync(client, text.ToString(), PerRequest);
        }
    }

    private static async Task DeleteHalfAsync(TcpClient client)
    {
        for (var first = 0; first < Entries; first += PerRequest)
        {
            var text = new StringBuilder();
            for (var i = first; i < first + PerRequest; i += 2)
                text.Append(RespConnection.Encode(i % 3 == 2 ? ["HDEL", $"a:h{i / 100}", $"{i}"] : ["DEL", $"a:{i}"]));
            await AskAsync(client, text.ToString(), PerRequest / 2);
        }
    }

    // Sends, and reads so many lines of reply.
    private static async Task AskAsync(TcpClient client, string request, int lines)
    {
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), Cancel);
        var buffer = new byte[64 * 1024];
        for (var seen = 0; seen < lines;)
        {
            var read = await client.GetStream().ReadAsync(buffer, Cancel);
            Assert.NotEqual(0, read);
            Assert.DoesNotContain((byte)'-', buffer[..read]);
            seen += buffer.AsSpan(0, read).Count((byte)'\n');
        }
    }

    private static async Task<Memory> LookAsync(TcpClient client, ServiceProcess process)
    {
        await client.GetStream().WriteAsync("INFO memory\r\nPING\r\n"u8.ToArray(), Cancel);
        var text = new StringBuilder();
        var buffer = new byte[16 * 1024];
        while (!text.ToString().EndsWith("+PONG\r\n", StringComparison.Ordinal))
            text.Append(Encoding.ASCII.GetString(buffer, 0, await client.GetStream().ReadAtLeastAsync(buffer, 1, cancellationToken: Cancel)));
        long Field(string name) => long.Parse(text.ToString().Split("\r\n").First(line => line.StartsWith(name + ":", StringComparison.Ordinal))[(name.Length + 1)..], CultureInfo.InvariantCulture);
        return new Memory(Field("used_memory"), Field("used_memory_dataset"), ProcessUse.ResidentBytes(process.ProcessId));
    }

    private static async Task<Memory> UntilAsync(Func<Task<Memory>> look, Func<Memory, bool> holds)
    {
        while (true)
        {
            var now = await look();
            if (holds(now)) return now;
            await Task.Delay(20, Cancel);
        }
    }

    private sealed record Memory(long Used, long Dataset, long Resident);
}
