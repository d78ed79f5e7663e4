namespace FeedMall.IntegrationTests.Interop;

/// <summary>All cases in all directions, and what came of them.</summary>
internal sealed class InteropRun
{
    private readonly Dictionary<(string Case, Direction), CaseResult> _results = [];

    /// <summary>Whether every case that can be shown passed.</summary>
    public bool IsGreen => _results.Values.All(result => result.Ok);

    public static async Task<InteropRun> RunAsync(CancellationToken cancellationToken)
    {
        await using var ours = await InteropServer.StartAsync(cancellationToken);
        await using var node = await ForeignServer.StartAsync(Peer.Node, cancellationToken);
        await using var python = await ForeignServer.StartAsync(Peer.Python, cancellationToken);
        var run = new InteropRun();
        foreach (var direction in InteropCases.Directions)
        {
            var address = direction.Server switch { Peer.Ours => ours.Address, Peer.Node => node.Address, _ => python.Address };
            InteropCase[] cases = [.. InteropCases.For(direction)];
            var results = direction.Client == Peer.Ours
                ? await InteropClient.RunAsync(address, cases)
                : await ForeignPrograms.RunClientAsync(direction.Client, address, cases, cancellationToken);
            foreach (var result in results) run._results.Add((result.Case, direction), result);
        }
        return run;
    }

    public CaseResult Find(string name, Direction direction) => _results[(name, direction)];
}
