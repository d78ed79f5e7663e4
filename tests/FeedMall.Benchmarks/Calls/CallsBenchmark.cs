using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using FeedMall.Benchmarks.Calls.Proto;
using FeedMall.Benchmarks.Edge;
using FeedMall.Rpc.Client;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Benchmarks.Calls;

/// <summary>What a call costs through Rpc, and what a bare HTTP/2 POST echo costs beside it.</summary>
internal static class CallsBenchmark
{
    private const int StreamLength = 100;

    private sealed record Sample(Round Load, Cost Client, Cost Server);

    /// <summary>What one process spent on one call.</summary>
    private sealed record Cost(double Bytes, double CpuMicroseconds)
    {
        public static Cost Between(Usage before, Usage after, double calls) =>
            new((after.Bytes - before.Bytes) / calls, (after.Cpu - before.Cpu).TotalMicroseconds / calls);
    }

    private sealed record Target(string Name, string? ComparedWith, int MessagesPerCall, int Callers, Func<CancellationToken, Task> Request)
    {
        public List<Sample> Samples { get; } = [];

        public double Median(Func<Sample, double> figure) => Samples.Select(figure).Order().ElementAt(Samples.Count / 2);
    }

    public static async Task<int> RunAsync(string[] args)
    {
        var (rounds, seconds) = (Number(args, "--rounds", 5), Number(args, "--seconds", 2));
        int[] callers = [.. (Option(args, "--callers") ?? "8,32,64").Split(',').Select(int.Parse)];
        using var server = Process.Start(new ProcessStartInfo("dotnet", [typeof(CallsBenchmark).Assembly.Location, "calls-server"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            var addresses = (await server.StandardOutput.ReadLineAsync())!.Split(' ');
            using var http = new HttpClient(new SocketsHttpHandler { EnableMultipleHttp2Connections = true });
            await using var clients = new ServiceCollection().AddLogging()
                .AddGrpcClient<Bench.BenchClient>((_, options) => options.Addresses = [new Uri(addresses[1])]).BuildServiceProvider();
            var targets = Targets(http, new Uri(addresses[0]), clients.GetRequiredService<Bench.BenchClient>(), callers);
            if (Option(args, "--only") is { } only) targets = [.. targets.Where(target => target.Name.Contains(only, StringComparison.Ordinal))];
            var duration = TimeSpan.FromSeconds(seconds);
            foreach (var target in targets) await ClosedLoop.RunAsync(target.Request, target.Callers, duration);
            for (var round = 1; round <= rounds; round++)
            {
                foreach (var target in targets) await SampleAsync(target, server, duration, $"{round}/{rounds}");
            }
            var table = Table(targets, (int)rounds, seconds, await Conditions.DescribeAsync());
            Console.WriteLine(table);
            if (Option(args, "--out") is { } path) await File.WriteAllTextAsync(path, table);
            return targets.Any(target => target.Samples.Any(sample => sample.Load.Failures > 0)) ? 1 : 0;
        }
        finally
        {
            server.StandardInput.Close();
            await server.WaitForExitAsync();
        }
    }

    private static Target[] Targets(HttpClient http, Uri bare, Bench.BenchClient rpc, int[] callers)
    {
        var (echo, echoWithTrailers) = (new Uri(bare, "/echo"), new Uri(bare, "/echo-with-trailers"));
        var (small, large) = (new byte[100], new byte[10 * 1024]);
        Random.Shared.NextBytes(small);
        Random.Shared.NextBytes(large);
        var (smallBlock, largeBlock) = (new Block { Payload = ByteString.CopyFrom(small) }, new Block { Payload = ByteString.CopyFrom(large) });
        var stream = new RepeatRequest { Payload = smallBlock.Payload, Count = StreamLength };
        return
        [
            .. callers.SelectMany(count => new[]
            {
                new Target($"bare POST echo, 100 B, {count} callers", null, 1, count, cancel => PostAsync(http, echo, small, cancel)),
                new Target($"bare POST echo with gRPC's headers and trailers, 100 B, {count} callers", $"bare POST echo, 100 B, {count} callers", 1, count,
                    cancel => PostAsGrpcAsync(http, echoWithTrailers, small, cancel)),
                new Target($"Rpc unary, 100 B, {count} callers", $"bare POST echo, 100 B, {count} callers", 1, count,
                    cancel => rpc.EchoAsync(smallBlock, cancellationToken: cancel).ResponseAsync),
            }),
            new("bare POST echo, 10 KB, 32 callers", null, 1, 32, cancel => PostAsync(http, echo, large, cancel)),
            new("Rpc unary, 10 KB, 32 callers", "bare POST echo, 10 KB, 32 callers", 1, 32, cancel => rpc.EchoAsync(largeBlock, cancellationToken: cancel).ResponseAsync),
            new($"Rpc server stream, {StreamLength} × 100 B, 32 callers", null, StreamLength, 32, async cancel =>
            {
                using var call = rpc.Repeat(stream, cancellationToken: cancel);
                while (await call.ResponseStream.MoveNext(cancel)) { }
            }),
        ];
    }

    private static HttpRequestMessage Post(Uri address, byte[] body) => new(HttpMethod.Post, address)
    {
        Version = HttpVersion.Version20,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Content = new ByteArrayContent(body),
    };

    // The headers that every gRPC client sends, and the look at the trailers that it cannot do without.
    private static async Task PostAsGrpcAsync(HttpClient http, Uri address, byte[] body, CancellationToken cancel)
    {
        using var request = Post(address, body);
        request.Content!.Headers.TryAddWithoutValidation("content-type", "application/grpc");
        request.Headers.TryAddWithoutValidation("te", "trailers");
        request.Headers.TryAddWithoutValidation("grpc-timeout", "1000000u");
        request.Headers.TryAddWithoutValidation("grpc-accept-encoding", "identity,gzip");
        request.Headers.TryAddWithoutValidation("user-agent", "grpc-bare/1.0");
        using var response = await http.SendAsync(request, cancel);
        var answer = await response.Content.ReadAsByteArrayAsync(cancel);
        if (answer.Length != body.Length || !response.TrailingHeaders.NonValidated.Contains("grpc-status"))
            throw new HttpRequestException("The answer is not what was sent.");
    }

    private static async Task PostAsync(HttpClient http, Uri address, byte[] body, CancellationToken cancel)
    {
        using var request = Post(address, body);
        using var response = await http.SendAsync(request, cancel);
        var answer = await response.Content.ReadAsByteArrayAsync(cancel);
        if (answer.Length != body.Length) throw new HttpRequestException("The answer is not what was sent.");
    }

    private static async Task SampleAsync(Target target, Process server, TimeSpan duration, string round)
    {
        var (client, remote) = (Usage.OfThisProcess(), await AskAsync(server));
        var load = await ClosedLoop.RunAsync(target.Request, target.Callers, duration);
        var calls = load.PerSecond * duration.TotalSeconds;
        var sample = new Sample(load, Cost.Between(client, Usage.OfThisProcess(), calls), Cost.Between(remote, await AskAsync(server), calls));
        target.Samples.Add(sample);
        Console.Error.WriteLine($"round {round} {target.Name}: {load.PerSecond:N0}/s, {sample.Client.Bytes:N0} B + {sample.Server.Bytes:N0} B per call");
    }

    private static async Task<Usage> AskAsync(Process server)
    {
        await server.StandardInput.WriteLineAsync("usage");
        await server.StandardInput.FlushAsync();
        return Usage.Read((await server.StandardOutput.ReadLineAsync())!);
    }

    private static string Table(Target[] targets, int rounds, double seconds, string conditions)
    {
        var text = new StringBuilder();
        text.AppendLine("# What a call costs").AppendLine()
            .AppendLine("Calls through Rpc, and beside them a bare Kestrel HTTP/2 POST echo (a route that copies the body to the answer: no gRPC headers, no trailers, no")
            .AppendLine("messages) called by a bare `HttpClient` that reads the whole answer; medians of the rounds. With gRPC's headers and trailers the same pair shows what")
            .AppendLine("the protocol alone costs: four more request headers, a content type, one trailer, no code of ours. Server and load are two")
            .AppendLine(CultureInfo.InvariantCulture, $"processes on one machine ({Environment.ProcessorCount} cores): read the ratios. Each caller sends its next call when the last one is answered;")
            .AppendLine(CultureInfo.InvariantCulture, $"{rounds} rounds of {seconds:0.#} s per target, taking turns, after one to warm up. Bytes and CPU time: what each process spends per call, with everything in it.").AppendLine()
            .AppendLine("Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- calls --out docs/results/calls.md`.").AppendLine()
            .AppendLine(conditions).AppendLine()
            .AppendLine("| target | calls/s | of the bare echo | p50 ms | p99 ms | client B/call | server B/call | client CPU µs | server CPU µs | messages/s | failures |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var target in targets)
        {
            var perSecond = target.Median(sample => sample.Load.PerSecond);
            var bare = targets.FirstOrDefault(other => other.Name == target.ComparedWith);
            var (client, server) = (target.Median(sample => sample.Client.Bytes), target.Median(sample => sample.Server.Bytes));
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {target.Name} | {perSecond:N0} | {(bare is null ? "" : $"{perSecond / bare.Median(sample => sample.Load.PerSecond):0.00}×")} | {target.Median(sample => sample.Load.Median.TotalMilliseconds):0.00} | {target.Median(sample => sample.Load.P99.TotalMilliseconds):0.00} | {Against(client, bare, sample => sample.Client.Bytes)} | {Against(server, bare, sample => sample.Server.Bytes)} | {target.Median(sample => sample.Client.CpuMicroseconds):0.0} | {target.Median(sample => sample.Server.CpuMicroseconds):0.0} | {perSecond * target.MessagesPerCall:N0} | {target.Samples.Sum(sample => sample.Load.Failures)} |");
        }
        return text.ToString();
    }

    private static string Against(double bytes, Target? bare, Func<Sample, double> figure) =>
        bare is null ? bytes.ToString("N0", CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} (bare {bytes - bare.Median(figure):+#,0;-#,0})");

    private static double Number(string[] args, string name, double standard) =>
        Option(args, name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : standard;

    private static string? Option(string[] args, string name)
    {
        var at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
    }
}
