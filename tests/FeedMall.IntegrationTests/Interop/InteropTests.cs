using Xunit;

namespace FeedMall.IntegrationTests.Interop;

/// <summary>
/// The official gRPC interop cases between our runtime, Node's and Python's. The programs run once, in the fixture; each case in each
/// direction is a test of its own.
/// </summary>
public sealed class InteropTests(InteropTests.Fixture fixture) : IClassFixture<InteropTests.Fixture>
{
    public static TheoryData<string, Peer, Peer> Rows
    {
        get
        {
            var rows = new TheoryData<string, Peer, Peer>();
            foreach (var direction in InteropCases.Directions)
            {
                foreach (var one in InteropCases.For(direction)) rows.Add(one.Name, direction.Client, direction.Server);
            }
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_case_passes(string name, Peer client, Peer server)
    {
        var result = fixture.Run.Find(name, new Direction(client, server));
        Assert.True(result.Ok, result.Detail);
    }

    [Fact]
    public void The_kept_table_is_what_this_run_shows()
    {
        var page = File.ReadAllText(Path.Combine(ForeignPrograms.Repository, "docs", "results", "interop.md"));
        Assert.Contains(InteropPage.Table(fixture.Run), page.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    public sealed class Fixture : IAsyncLifetime
    {
        internal InteropRun Run { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Run = await InteropRun.RunAsync(TestContext.Current.CancellationToken);

        public ValueTask DisposeAsync()
        {
            if (Run is not null) Console.WriteLine(InteropPage.Table(Run));
            return ValueTask.CompletedTask;
        }
    }
}
