using System.Globalization;
using System.Text;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FeedMall.Benchmarks.Calls.Proto;
using FeedMall.Rpc;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Server;
using FeedMall.Rpc.Wire;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FeedMall.Benchmarks.Wire;

/// <summary>The parts of a call one by one, and whole calls over the in-memory transport, timed by BenchmarkDotNet.</summary>
public static class WireBenchmark
{
    internal static async Task<int> RunAsync(string[] args)
    {
        var conditions = await Conditions.DescribeAsync();
        var config = ManualConfig.Create(DefaultConfig.Instance).WithOptions(ConfigOptions.DisableLogFile)
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        var summaries = new[] { BenchmarkRunner.Run<Parts>(config), BenchmarkRunner.Run<WholeCalls>(config) };
        var page = Page(summaries, conditions);
        Console.WriteLine(page);
        if (Array.IndexOf(args, "--out") is >= 0 and var at) await File.WriteAllTextAsync(args[at + 1], page);
        return summaries.All(summary => summary.Reports.Length > 0 && summary.Reports.All(report => report.Success)) ? 0 : 1;
    }

    private static string Page(IEnumerable<Summary> summaries, string conditions)
    {
        var text = new StringBuilder();
        text.AppendLine("# The parts of a call").AppendLine()
            .AppendLine("Timed by BenchmarkDotNet (short runs, in process). The whole calls run client and server in one process over the in-memory transport, one at a")
            .AppendLine("time: their bytes are those of both sides together, and of HTTP/2.").AppendLine()
            .AppendLine("Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- wire --out docs/results/wire.md`.").AppendLine()
            .AppendLine(conditions).AppendLine()
            .AppendLine("| what | bytes of payload | ns | B allocated |").AppendLine("| --- | ---: | ---: | ---: |");
        foreach (var report in summaries.SelectMany(summary => summary.Reports))
        {
            var bytes = report.BenchmarkCase.Parameters["Bytes"];
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\'')} | {bytes:N0} | {report.ResultStatistics?.Mean ?? double.NaN:N0} | {report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase):N0} |");
        }
        return text.ToString();
    }
}

/// <summary>Framing, decoding and header coding, without any transport.</summary>
[MemoryDiagnoser]
public class Parts
{
    private static readonly Marshaller<Block> s_marshaller = Marshallers.Create<Block>(
        (block, context) =>
        {
            context.SetPayloadLength(block.CalculateSize());
            block.WriteTo(context.GetBufferWriter());
            context.Complete();
        },
        context => Block.Parser.ParseFrom(context.PayloadAsReadOnlySequence()));

    private readonly MessageWriter _writer = new(null);
    private readonly TimeSpan _timeout = TimeSpan.FromMilliseconds(987);
    private Block _block = new();
    private byte[] _framed = [];

    /// <summary>Bytes of the message's payload.</summary>
    [Params(100, 10 * 1024)]
    public int Bytes { get; set; }

    /// <summary>Makes the message.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _block = new Block { Payload = ByteString.CopyFrom(new byte[Bytes]) };
        using var buffer = new PooledBuffer(256);
        _writer.Write(buffer, s_marshaller, _block);
        _framed = buffer.Written.ToArray();
    }

    /// <summary>A message to bytes.</summary>
    [Benchmark(Description = "write a message")]
    public int Write()
    {
        using var buffer = new PooledBuffer(256);
        _writer.Write(buffer, s_marshaller, _block);
        return buffer.Length;
    }

    /// <summary>The same as gzip.</summary>
    [Benchmark(Description = "write a message as gzip")]
    public int WriteCompressed()
    {
        using var buffer = new PooledBuffer(256);
        _writer.Write(buffer, s_marshaller, _block, compress: true);
        return buffer.Length;
    }

    /// <summary>Bytes to a message; the message itself is part of what is allocated.</summary>
    [Benchmark(Description = "read a message")]
    public async Task<int> Read()
    {
        using var reader = new StreamMessageReader(new MemoryStream(_framed), int.MaxValue);
        return (await reader.ReadAsync(s_marshaller, CancellationToken.None))!.Payload.Length;
    }

    /// <summary>The deadline's header there and back.</summary>
    [Benchmark(Description = "write and read grpc-timeout")]
    public bool Timeout() => GrpcTimeout.TryDecode(GrpcTimeout.Encode(_timeout), out _);
}

/// <summary>Calls through client, HTTP/2 and server of one process.</summary>
[MemoryDiagnoser]
public class WholeCalls
{
    private WebApplication _server = null!;
    private ServiceProvider _clients = null!;
    private Bench.BenchClient _client = null!;
    private Block _block = new();

    /// <summary>Bytes of each message's payload.</summary>
    [Params(100, 10 * 1024)]
    public int Bytes { get; set; }

    /// <summary>Starts the server and connects.</summary>
    [GlobalSetup]
    public async Task SetUp()
    {
        var transport = new InMemoryTransport();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenLocalhost(80, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        transport.ListenIn(builder.Services);
        _server = builder.Build();
        _server.MapGrpcService<Calls.CallsServer.BenchService>();
        await _server.StartAsync();
        _clients = new ServiceCollection().AddLogging()
            .AddGrpcClient<Bench.BenchClient>((_, options) => (options.Addresses, options.Connect) = ([InMemoryTransport.Address], transport.ConnectAsync))
            .BuildServiceProvider();
        _client = _clients.GetRequiredService<Bench.BenchClient>();
        _block = new Block { Payload = ByteString.CopyFrom(new byte[Bytes]) };
    }

    /// <summary>Stops it.</summary>
    [GlobalCleanup]
    public async Task CleanUp()
    {
        await _clients.DisposeAsync();
        await _server.DisposeAsync();
    }

    /// <summary>One request, one response.</summary>
    [Benchmark(Description = "unary call")]
    public async Task<int> Unary() => (await _client.EchoAsync(_block)).Payload.Length;

    /// <summary>A hundred responses to one request.</summary>
    [Benchmark(Description = "stream of 100 responses")]
    public async Task<int> ServerStream()
    {
        using var call = _client.Repeat(new RepeatRequest { Payload = _block.Payload, Count = 100 });
        var count = 0;
        while (await call.ResponseStream.MoveNext(CancellationToken.None)) count++;
        return count;
    }
}
