using Microsoft.AspNetCore.Identity;

namespace FeedMall.Domain.Feed.Users;

/// <summary>
/// Hashing and checking of passwords, with ASP.NET Core's hasher. Slow on purpose, so never inside of a transaction, and on half of the
/// cores at most: a crowd at the log in waits in line, and everything else goes on. A call that is out of time leaves the line unhashed.
/// </summary>
internal sealed class UserPasswords(IPasswordHasher<UserRow> hasher) : IDisposable
{
    private static readonly UserRow Nobody = new(0, "", "", 0);

    // What the password of an unknown name is checked against, so that it takes as long as a known one.
    private readonly string _decoy = hasher.HashPassword(Nobody, Guid.NewGuid().ToString());

    private readonly SemaphoreSlim _line = new(MaxAtOnce, MaxAtOnce);

    /// <summary>How many hashes are made at a time.</summary>
    public static int MaxAtOnce => Math.Max(1, Environment.ProcessorCount / 2);

    public Task<string> HashAsync(string password, CancellationToken cancellationToken) =>
        InLineAsync(() => hasher.HashPassword(Nobody, password), cancellationToken);

    /// <summary>Checks the password of a user, or of nobody, which fails after the same time.</summary>
    public async Task<PasswordVerificationResult> VerifyAsync(UserRow? user, string password, CancellationToken cancellationToken)
    {
        var result = await InLineAsync(
            () => hasher.VerifyHashedPassword(user ?? Nobody, user?.PasswordHash ?? _decoy, password), cancellationToken);
        return user is null ? PasswordVerificationResult.Failed : result;
    }

    public void Dispose() => _line.Dispose();

    private async Task<T> InLineAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        await _line.WaitAsync(cancellationToken);
        try
        {
            // Its turn and its end may have come together.
            cancellationToken.ThrowIfCancellationRequested();
            return work();
        }
        finally
        {
            _line.Release();
        }
    }
}
