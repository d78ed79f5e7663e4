using Microsoft.AspNetCore.Identity;

namespace FeedMall.Domain.Feed.Users;

/// <summary>Hashing and checking of passwords, with ASP.NET Core's hasher. Slow on purpose, so never inside of a transaction.</summary>
internal sealed class UserPasswords(IPasswordHasher<UserRow> hasher)
{
    private static readonly UserRow Nobody = new(0, "", "", 0);

    // What the password of an unknown name is checked against, so that it takes as long as a known one.
    private readonly string _decoy = hasher.HashPassword(Nobody, Guid.NewGuid().ToString());

    public string Hash(string password) => hasher.HashPassword(Nobody, password);

    /// <summary>Checks the password of a user, or of nobody, which fails after the same time.</summary>
    public PasswordVerificationResult Verify(UserRow? user, string password)
    {
        var result = hasher.VerifyHashedPassword(user ?? Nobody, user?.PasswordHash ?? _decoy, password);
        return user is null ? PasswordVerificationResult.Failed : result;
    }
}
