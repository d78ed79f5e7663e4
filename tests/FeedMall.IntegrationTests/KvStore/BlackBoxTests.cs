using System.Globalization;
using System.Text.RegularExpressions;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>
/// Every case runs against our server and against a real redis-server: what is written down here is what Redis really says. To add one, add a line to
/// one of the *Cases classes, or a class of them to <see cref="s_cases"/>.
/// </summary>
public sealed class BlackBoxTests(BlackBoxTests.Servers servers) : IClassFixture<BlackBoxTests.Servers>
{
    private static readonly IReadOnlyDictionary<string, RespCase> s_cases =
        new[]
        {
            StringCases.All, KeyCases.All, ConnectionCases.All, HashCases.All, ListCases.All, SetCases.All, SortedSetCases.All, TransactionCases.All, PubSubCases.All,
        }.SelectMany(cases => cases).ToDictionary(each => each.Name);

    public static TheoryData<string> Names => [.. s_cases.Keys];

    [Theory, MemberData(nameof(Names))]
    public Task Ours_answers_as_written(string name) => RunAsync(s_cases[name], servers.Ours.Port, step => step.Ours ?? step.Reply);

    [Theory, MemberData(nameof(Names))]
    public Task Redis_answers_as_written(string name) => RunAsync(s_cases[name], servers.Redis.Port, step => step.Reply);

    private static async Task RunAsync(RespCase story, int port, Func<RespStep, string> expected)
    {
        var cancel = TestContext.Current.CancellationToken;
        using (var cleaner = await RespConnection.OpenAsync(port, cancel)) Assert.Equal("+OK⏎", await cleaner.AskAsync(["FLUSHALL"], cancel));
        using var connection = await RespConnection.OpenAsync(port, cancel);
        foreach (var step in story.Steps)
        {
            if (step.Request.StartsWith("KVTEST-WAIT ", StringComparison.Ordinal))
            {
                await Task.Delay(int.Parse(step.Request[12..], CultureInfo.InvariantCulture), cancel);
                continue;
            }
            await connection.SendRawAsync(step.Bytes, cancel);
            var (reply, wanted) = (await connection.ReadAsync(cancel), expected(step));
            if (wanted.StartsWith('~')) Assert.Matches(new Regex("^" + wanted[1..] + "$", RegexOptions.Singleline), reply);
            else Assert.True(reply == (wanted == RespConnection.Closed ? wanted : wanted + "⏎"), $"{step.Request}\n was answered: {reply}\n instead of:   {wanted}");
        }
    }

    /// <summary>Both servers.</summary>
    public sealed class Servers : IAsyncLifetime
    {
        internal KvHost Ours { get; private set; } = null!;

        internal RedisServer Redis { get; private set; } = null!;

        public async ValueTask InitializeAsync() => (Ours, Redis) = (await KvHost.StartAsync(), await RedisServer.StartAsync());

        public async ValueTask DisposeAsync()
        {
            Ours.Logs.AssertNoErrors();
            await Ours.DisposeAsync();
            await Redis.DisposeAsync();
        }
    }
}
