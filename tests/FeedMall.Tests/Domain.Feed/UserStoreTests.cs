using FeedMall.Domain.Feed.Users;
using FeedMall.Testing;
using Microsoft.AspNetCore.Identity;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public sealed class UserStoreTests(PostgresServer postgres)
{
    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task Of_many_who_want_one_name_at_once_in_any_case_exactly_one_gets_it(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        for (var round = 0; round < 10; round++)
        {
            var added = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => feed.Users.TryAddAsync(
                new UserRow(feed.Ids.Next(), i % 2 == 0 ? $"Name{round}" : $"nAME{round}", "hash", 1), cancel), cancel)));
            Assert.Single(added, wasAdded => wasAdded);
        }
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_user_is_found_by_id_by_name_in_any_case_and_among_others(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        var (ada, ben) = (await feed.AddUserAsync("Ada", cancel), await feed.AddUserAsync("ben", cancel));
        Assert.Equal("Ada", (await feed.Users.FindAsync(ada, cancel))!.Name);
        Assert.Equal(ada, (await feed.Users.FindByNameAsync("aDA", cancel))!.Id);
        Assert.Null(await feed.Users.FindByNameAsync("' OR 1=1 --", cancel));
        Assert.Null(await feed.Users.FindAsync(1, cancel));
        Assert.Equal([ada, ben], (await feed.Users.ListAsync([ben, 1, ada], cancel)).Select(user => user.Id).Order());
        await feed.Users.SetPasswordHashAsync(ada, "another", cancel);
        Assert.Equal("another", (await feed.Users.FindAsync(ada, cancel))!.PasswordHash);
    }

    [Fact]
    public void A_password_is_known_again_and_a_wrong_one_or_a_wrong_user_is_not()
    {
        var passwords = new UserPasswords(new PasswordHasher<UserRow>());
        var user = new UserRow(1, "ada", passwords.Hash("right password"), 1);
        Assert.DoesNotContain("right", user.PasswordHash, StringComparison.Ordinal);
        Assert.NotEqual(user.PasswordHash, passwords.Hash("right password"));
        Assert.Equal(PasswordVerificationResult.Success, passwords.Verify(user, "right password"));
        Assert.Equal(PasswordVerificationResult.Failed, passwords.Verify(user, "wrong password"));
        Assert.Equal(PasswordVerificationResult.Failed, passwords.Verify(null, "right password"));
    }
}
