using System.Text;
using FeedMall.KvStore;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Network;
using FeedMall.KvStore.Persistence;
using FeedMall.KvStore.Protocol;
using FeedMall.Resilience;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace FeedMall.Tests.KvStore;

/// <summary>The append-only file from the inside: rewrites that end at any step, flushes that fail.</summary>
public sealed class JournalTests : IDisposable
{
    private const int Keys = 300;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_command_that_writes_names_its_keys()
    {
        var silent = new CommandTable().All.Where(command => command.Is(CommandFlags.Write) && command.FirstKey == 0).Select(command => command.Name);
        Assert.Equal(["flushall", "flushdb", "swapdb"], silent.Order());
    }

    [Fact]
    public async Task A_crash_at_any_step_of_a_rewrite_leaves_files_that_load_to_the_same()
    {
        var copies = new List<string>();
        var isCopying = false;
        // Between two flushes a crash leaves what the folder holds at the later one.
        await using (var server = await Server.StartAsync(_folder.Path, _ => { if (isCopying) copies.Add(Copy($"copy{copies.Count}")); }))
        {
            for (var i = 0; i < Keys; i++) await server.RunAsync("SET", $"k{i}", "1");
            for (var i = 0; i < Keys; i++) await server.RunAsync("INCR", $"k{i}");
            isCopying = true;
            await server.RewriteAsync();
            isCopying = false;
        }
        // The increment, the manifest and its folder; the base, the manifest and its folder.
        Assert.Equal(6, copies.Count);
        foreach (var copy in copies.Append(_folder.Path))
        {
            var strays = new[] { "temp-rewrite.aof", "appendonly.aof.9.base.aof" }.Select(name => Path.Combine(copy, "kv", name)).ToList();
            foreach (var stray in strays) await File.WriteAllTextAsync(stray, "what another crash has left", Cancel);
            await using var again = await Server.StartAsync(copy, RandomAccess.FlushToDisk);
            for (var i = 0; i < Keys; i++) Assert.Equal("$1\r\n2\r\n", await again.RunAsync("GET", $"k{i}"));
            Assert.All(strays, stray => Assert.False(File.Exists(stray)));
        }
    }

    [Fact]
    public async Task After_a_flush_that_failed_all_data_is_written_anew_before_writes_are_accepted()
    {
        var isBroken = false;
        void Flush(SafeFileHandle file)
        {
            if (isBroken) throw new IOException("the disk is broken");
            RandomAccess.FlushToDisk(file);
        }
        await using (var server = await Server.StartAsync(_folder.Path, Flush))
        {
            Assert.Equal("+OK\r\n", await server.RunAsync("SET", "a", "1"));
            isBroken = true;
            Assert.Equal("unknown", await server.RunAsync("SET", "b", "2"));
            Assert.Equal("-MISCONF Errors writing to the AOF file: the disk is broken\r\n", await server.RunAsync("SET", "c", "3"));
            Assert.Equal("$1\r\n1\r\n", await server.RunAsync("GET", "a"));
            isBroken = false;
            // The service looks once a second.
            while ((await server.RunAsync("SET", "c", "3")).StartsWith('-')) await Task.Delay(10, Cancel);
            Assert.Equal(1, server.Engine.Append.Rewrites);
        }
        Assert.Single(Directory.GetFiles(Path.Combine(_folder.Path, "kv"), "*.base.aof"));
        await using var again = await Server.StartAsync(_folder.Path, RandomAccess.FlushToDisk);
        Assert.Equal("$1\r\n1\r\n", await again.RunAsync("GET", "a"));
        Assert.Equal("$1\r\n2\r\n", await again.RunAsync("GET", "b"));
        Assert.Equal("$1\r\n3\r\n", await again.RunAsync("GET", "c"));
    }

    private string Copy(string name)
    {
        var copy = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(Path.Combine(copy, "kv"));
        foreach (var file in Directory.GetFiles(Path.Combine(_folder.Path, "kv")).Where(file => Path.GetFileName(file) != "lock"))
            File.Copy(file, Path.Combine(copy, "kv", Path.GetFileName(file)));
        return copy;
    }

    /// <summary>An engine with its file, and one client without a network.</summary>
    private sealed class Server : IAsyncDisposable
    {
        private readonly Client _client;
        private readonly CommandContext _context;
        private readonly PersistenceService _persistence;

        private Server(string folder, Action<SafeFileHandle> flush)
        {
            Engine = new KvEngine(Options.Create(new KvOptions { AppendOnly = true, AppendSync = "always" }), TimeProvider.System, new SystemChance());
            _client = new Client(1, "", "", Engine);
            _context = new CommandContext(Engine, _client);
            _persistence = new PersistenceService(Engine, Options.Create(new DataOptions { DataDirectory = folder }), NullLogger<PersistenceService>.Instance, TimeProvider.System) { FlushToDisk = flush };
        }

        public KvEngine Engine { get; }

        public static async Task<Server> StartAsync(string folder, Action<SafeFileHandle> flush)
        {
            var server = new Server(folder, flush);
            await server._persistence.StartAsync(Cancel);
            return server;
        }

        /// <summary>The reply, once it may be sent; "unknown" when the disk has failed meanwhile.</summary>
        public async Task<string> RunAsync(params string[] words)
        {
            var bytes = Encoding.ASCII.GetBytes($"*{words.Length}\r\n" + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n")));
            var parser = new RequestParser(new RequestLimits());
            Assert.True(parser.TryParse(bytes));
            Engine.Keyspace.Gate.Enter();
            Engine.Keyspace.NowMs = Engine.Clock.NowMs;
            _context.Use(bytes, 0, parser);
            Engine.Runner.Run(_context, Engine.Commands.Find(_context[0]));
            var held = Engine.Keyspace.Journal!.Hold();
            Engine.Keyspace.Gate.Exit();
            var reply = Encoding.ASCII.GetString(_client.Reply.Written.Span);
            _client.Reply.Clear();
            if (held is null) return reply;
            Engine.Keyspace.Journal!.Wake();
            var isWritten = await held;
            await Task.Yield();
            return isWritten ? reply : "unknown";
        }

        public async Task RewriteAsync()
        {
            Assert.True(Engine.Rewrite!());
            while (Engine.Append.IsRewriting) await Task.Delay(1, Cancel);
            Assert.False(Engine.Append.LastRewriteFailed);
        }

        public async ValueTask DisposeAsync()
        {
            await _persistence.StopAsync(Cancel);
            _persistence.Dispose();
        }
    }
}
