using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests;

public sealed class StoryTests(PostgresServer postgres)
{
    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task The_whole_story_goes_through_and_is_still_there_after_a_restart(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        string[] databases = kind == "SQLite"
            ? []
            : [$"--Feed:Database={await postgres.CreateDatabaseAsync(cancel)}", $"--Mall:Database={await postgres.CreateDatabaseAsync(cancel)}"];
        Story story;
        await using (var host = await FeedMallHost.StartAsync(folder.Path, databases))
        {
            story = new Story(host.Http);
            await story.WalkAsync(cancel);
            host.Logs.AssertNoErrors();
        }
        await using var again = await FeedMallHost.StartAsync(folder.Path, databases);
        await story.With(again.Http).ReadAgainAsync(cancel);
        again.Logs.AssertNoErrors();
    }
}
