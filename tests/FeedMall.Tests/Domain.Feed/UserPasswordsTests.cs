using FeedMall.Domain.Feed.Users;
using Microsoft.AspNetCore.Identity;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public sealed class UserPasswordsTests
{
    // A hash begins with its version, its algorithm, its rounds and the length of its salt: what the work depends on.
    private const int BytesThatSetTheWork = 13;

    [Fact]
    public void Nobodys_password_is_checked_with_the_same_work_as_somebodys()
    {
        var hasher = new RecordingHasher();
        var passwords = new UserPasswords(hasher);
        var user = new UserRow(1, "ada", passwords.Hash("her password"), 0);
        Assert.Equal(PasswordVerificationResult.Success, passwords.Verify(user, "her password"));
        Assert.Equal(PasswordVerificationResult.Failed, passwords.Verify(user, "another password"));
        Assert.Equal(PasswordVerificationResult.Failed, passwords.Verify(null, "her password"));
        Assert.Equal(3, hasher.Checked.Count);
        Assert.Single(hasher.Checked.Distinct(), Convert.ToHexString(Convert.FromBase64String(user.PasswordHash)[..BytesThatSetTheWork]));
    }

    /// <summary>The real hasher, which also notes the work of each check.</summary>
    private sealed class RecordingHasher : PasswordHasher<UserRow>
    {
        public List<string> Checked { get; } = [];

        public override PasswordVerificationResult VerifyHashedPassword(UserRow user, string hashedPassword, string providedPassword)
        {
            Checked.Add(Convert.ToHexString(Convert.FromBase64String(hashedPassword)[..BytesThatSetTheWork]));
            return base.VerifyHashedPassword(user, hashedPassword, providedPassword);
        }
    }
}
