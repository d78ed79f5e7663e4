using FeedMall.Domain.Feed.Users;
using Microsoft.AspNetCore.Identity;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public sealed class UserPasswordsTests
{
    // A hash begins with its version, its algorithm, its rounds and the length of its salt: what the work depends on.
    private const int BytesThatSetTheWork = 13;

    [Fact]
    public async Task Nobodys_password_is_checked_with_the_same_work_as_somebodys()
    {
        var hasher = new RecordingHasher();
        using var passwords = new UserPasswords(hasher);
        var user = new UserRow(1, "ada", await passwords.HashAsync("her password", Token), 0);
        Assert.Equal(PasswordVerificationResult.Success, await passwords.VerifyAsync(user, "her password", Token));
        Assert.Equal(PasswordVerificationResult.Failed, await passwords.VerifyAsync(user, "another password", Token));
        Assert.Equal(PasswordVerificationResult.Failed, await passwords.VerifyAsync(null, "her password", Token));
        Assert.Equal(3, hasher.Checked.Count);
        Assert.Single(hasher.Checked.Distinct(), Convert.ToHexString(Convert.FromBase64String(user.PasswordHash)[..BytesThatSetTheWork]));
    }

    [Fact]
    public async Task A_crowd_at_the_log_in_is_checked_few_at_a_time_and_who_is_out_of_time_not_at_all()
    {
        using var gate = new GatedHasher();
        using var passwords = new UserPasswords(gate);
        var atWork = Enumerable.Range(0, UserPasswords.MaxAtOnce).Select(_ => Task.Run(() => CheckAsync(Token), Token)).ToArray();
        await gate.WaitForAsync(UserPasswords.MaxAtOnce, Token);

        using var outOfTime = new CancellationTokenSource();
        var (late, inTime) = (CheckAsync(outOfTime.Token), CheckAsync(Token));
        Assert.All([.. atWork, late, inTime], check => Assert.False(check.IsCompleted));
        await outOfTime.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => late);
        gate.Open();
        await Task.WhenAll([.. atWork, inTime]);
        Assert.Equal(UserPasswords.MaxAtOnce + 1, gate.Checks);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => CheckAsync(outOfTime.Token));
        Assert.Equal(UserPasswords.MaxAtOnce + 1, gate.Checks);

        Task<PasswordVerificationResult> CheckAsync(CancellationToken cancel) => passwords.VerifyAsync(null, "a guess", cancel);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The real hasher, whose checks wait for a gate to open.</summary>
    private sealed class GatedHasher : PasswordHasher<UserRow>, IDisposable
    {
        private readonly ManualResetEventSlim _gate = new();
        private readonly SemaphoreSlim _begun = new(0);
        private int _checks;

        public int Checks => Volatile.Read(ref _checks);

        public async Task WaitForAsync(int checks, CancellationToken cancel)
        {
            for (var i = 0; i < checks; i++) await _begun.WaitAsync(cancel);
        }

        public void Open() => _gate.Set();

        public override PasswordVerificationResult VerifyHashedPassword(UserRow user, string hashedPassword, string providedPassword)
        {
            Interlocked.Increment(ref _checks);
            _begun.Release();
            // Bounded, so that a check that does not wait in line fails the test instead of hanging it.
            if (!_gate.Wait(TimeSpan.FromSeconds(20))) throw new TimeoutException("The gate did not open.");
            return base.VerifyHashedPassword(user, hashedPassword, providedPassword);
        }

        public void Dispose()
        {
            _gate.Dispose();
            _begun.Dispose();
        }
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
