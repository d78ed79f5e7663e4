using FeedMall.Bff;
using FeedMall.Bff.Auth;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using System.Security.Claims;
using Xunit;

namespace FeedMall.Tests.Bff;

public sealed class TokensTests : IDisposable
{
    // Keys are made by the real clock; a clock that starts elsewhere would find none of them good.
    private readonly TestClock _clock = new(DateTimeOffset.UtcNow);
    private readonly TemporaryFolder _folder = new();
    private readonly List<WebApplication> _copies = [];

    [Fact]
    public async Task A_token_names_its_user()
    {
        var copy = Copy();
        Assert.Equal("42", await UserOfAsync(copy, Issue(copy)));
    }

    [Fact]
    public async Task Another_copy_of_the_service_with_the_same_keys_knows_the_token() => Assert.Equal("42", await UserOfAsync(Copy(), Issue(Copy())));

    [Fact]
    public async Task A_service_with_other_keys_does_not_know_the_token() => Assert.Null(await UserOfAsync(Copy("other-keys"), Issue(Copy())));

    [Fact]
    public async Task A_token_ends_with_its_lifetime()
    {
        var copy = Copy();
        var token = Issue(copy);
        _clock.Advance(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(1));
        Assert.Equal("42", await UserOfAsync(copy, token));
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(await UserOfAsync(copy, token));
    }

    [Fact]
    public async Task A_token_with_any_letter_changed_or_cut_off_is_none()
    {
        var copy = Copy();
        var token = Issue(copy);
        for (var i = 0; i < token.Length; i++)
        {
            // The last letter holds bits that mean nothing, so that two of them can stand for the same token.
            var changed = i == token.Length - 1 ? token + "A" : token[..i] + (token[i] == 'A' ? 'B' : 'A') + token[(i + 1)..];
            Assert.True(await UserOfAsync(copy, changed) is null, $"changed at {i}");
            Assert.True(await UserOfAsync(copy, token[..i]) is null, $"cut at {i}");
        }
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("Ä")]
    [InlineData("CfDJ8")]
    [InlineData("eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.")]
    public async Task Nonsense_is_no_token(string text)
    {
        Assert.Null(await UserOfAsync(Copy(), text));
        Assert.Null(await UserOfAsync(Copy(), string.Concat(Enumerable.Repeat(text, 2_000))));
    }

    [Fact]
    public void The_keys_can_be_read_by_their_owner_only()
    {
        Issue(Copy());
        var keys = new DirectoryInfo(Path.Combine(_folder.Path, "bff-keys"));
        Assert.NotEmpty(keys.GetFiles());
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, keys.UnixFileMode);
    }

    public void Dispose()
    {
        foreach (var copy in _copies) ((IDisposable)copy).Dispose();
        _folder.Dispose();
    }

    private WebApplication Copy(string keys = "bff-keys")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddSingleton<TimeProvider>(_clock);
        builder.Services.Configure<DataOptions>(data => data.DataDirectory = _folder.Path);
        builder.Services.Configure<BffOptions>(options => options.KeysDirectory = keys);
        Tokens.Add(builder);
        builder.Logging.ClearProviders();
        var copy = builder.Build();
        _copies.Add(copy);
        return copy;
    }

    private static string Issue(WebApplication copy) => copy.Services.GetRequiredService<Tokens>().Issue(42).Token;

    private static async Task<string?> UserOfAsync(WebApplication copy, string token)
    {
        await using var scope = copy.Services.CreateAsyncScope();
        var context = new DefaultHttpContext { RequestServices = scope.ServiceProvider };
        context.Request.Headers.Authorization = "Bearer " + token;
        var result = await context.AuthenticateAsync();
        return result.Succeeded ? result.Principal.FindFirstValue(ClaimTypes.NameIdentifier) : null;
    }
}
