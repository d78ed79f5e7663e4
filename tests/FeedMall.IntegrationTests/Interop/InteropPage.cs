using System.Globalization;
using System.Text;
using System.Text.Json;

namespace FeedMall.IntegrationTests.Interop;

/// <summary>What a run showed, as Markdown.</summary>
internal static class InteropPage
{
    /// <summary>The page docs/results/interop.md.</summary>
    public static async Task<string> WriteAsync(InteropRun run)
    {
        var installed = Path.Combine(ForeignPrograms.Repository, "tests", "FeedMall.IntegrationTests", "node", "node_modules", "@grpc", "grpc-js", "package.json");
        var grpcJs = JsonDocument.Parse(await File.ReadAllTextAsync(installed)).RootElement.GetProperty("version").GetString();
        var node = await ForeignPrograms.AskAsync("node", "--version");
        var python = await ForeignPrograms.AskAsync("/usr/bin/python3", "-c", "import grpc, platform; print(platform.python_version(), 'with grpcio', grpc.__version__)");
        return $"""
            # Interop

            The official gRPC interop cases between our runtime (`Rpc/`), Node's and Python's; the arrow goes from the client to the server. The two columns
            without ours show that the foreign programs are right. Every cell is a test of its own: `./test.sh --class '*InteropTests'`, which also fails when
            this table is not what it finds.

            Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- interop --out docs/results/interop.md`, with .NET {Environment.Version},
            Node {node} with @grpc/grpc-js {grpcJs}, Python {python}.

            {Table(run)}
            The cases from compressed_request on are ours. Scaled down: rpc_soak, channel_soak, concurrent_large_unary (1,000 at once in the original).
            Not run: cacheable_unary needs a caching proxy, long_lived_channel takes hours, and the cases about credentials need a cloud.
            In client_compressed_streaming Python's uncompressed message is noise instead of zeros: grpcio leaves a message alone only when gzip would make it longer.

            """;
    }

    /// <summary>Case × direction, with the reasons for what cannot be shown.</summary>
    public static string Table(InteropRun run)
    {
        var text = new StringBuilder("| case | shows |");
        foreach (var direction in InteropCases.Directions) text.Append(CultureInfo.InvariantCulture, $" {direction} |");
        text.Append("\n| --- | --- |").Insert(text.Length, " --- |", InteropCases.Directions.Count).Append('\n');
        var reasons = new List<string>();
        foreach (var one in InteropCases.All)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {one.Name} | {one.Shows} |");
            foreach (var direction in InteropCases.Directions) text.Append(CultureInfo.InvariantCulture, $" {Cell(run, one, direction, reasons)} |");
            text.Append('\n');
        }
        text.Append('\n');
        for (var i = 0; i < reasons.Count; i++) text.Append(CultureInfo.InvariantCulture, $"{i + 1}. n/a: {reasons[i]}.\n");
        return text.ToString();
    }

    private static string Cell(InteropRun run, InteropCase one, Direction direction, List<string> reasons)
    {
        if (InteropCases.FindObstacle(one, direction) is not { } reason) return run.Find(one.Name, direction).Ok ? "pass" : "**FAIL**";
        if (!reasons.Contains(reason)) reasons.Add(reason);
        return $"n/a ({reasons.IndexOf(reason) + 1})";
    }
}
