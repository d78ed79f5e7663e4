using System.Diagnostics;
using Dapper;
using FeedMall.Domain.Feed.Users;
using FeedMall.Proto.Feed.V1;
using FeedMall.Testing;
using Grpc.Core;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public abstract class UserTests(PostgresServer? postgres) : FeedTests(postgres)
{
    private const string Password = "correct horse battery";

    [Fact]
    public async Task A_registered_user_can_log_in_and_be_read()
    {
        var user = (await RegisterAsync("Ada_L.1815-x")).User;
        Assert.Equal("Ada_L.1815-x", user.Name);
        Assert.InRange(DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeMilliseconds(user.CreatedAtMs), TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.Equal(user, (await LogInAsync("Ada_L.1815-x")).User);
        Assert.Equal(user, (await LogInAsync("ADA_l.1815-X")).User);
        Assert.Equal(user, (await Feed.Users.GetUserAsync(new GetUserRequest { Id = user.Id }, cancellationToken: Token)).User);
    }

    [Fact]
    public async Task Many_users_are_read_in_the_order_asked_for_without_the_unknown_ones()
    {
        var (a, b) = (await Feed.AddUserAsync("ada"), await Feed.AddUserAsync("ben"));
        var request = new BatchGetUsersRequest { Ids = { b, 12, a, b, -1 } };
        var users = (await Feed.Users.BatchGetUsersAsync(request, cancellationToken: Token)).Users;
        Assert.Equal(["ben", "ada", "ben"], users.Select(user => user.Name));
        Assert.Empty((await Feed.Users.BatchGetUsersAsync(new BatchGetUsersRequest(), cancellationToken: Token)).Users);
    }

    [Fact]
    public async Task More_than_a_hundred_users_at_once_are_refused()
    {
        var request = new BatchGetUsersRequest();
        request.Ids.AddRange(Enumerable.Range(1, 100).Select(id => (long)id));
        Assert.Empty((await Feed.Users.BatchGetUsersAsync(request, cancellationToken: Token)).Users);
        request.Ids.Add(101);
        await FeedHost.InvalidAsync("ids", Feed.Users.BatchGetUsersAsync(request, cancellationToken: Token));
    }

    [Fact]
    public Task An_unknown_user_is_not_found() => FeedHost.RefusedAsync(
        StatusCode.NotFound, "FEED_USER_NOT_FOUND", Feed.Users.GetUserAsync(new GetUserRequest { Id = 1 }, cancellationToken: Token));

    [Fact]
    public async Task A_name_is_taken_in_every_case_of_its_letters()
    {
        await RegisterAsync("Grace");
        await FeedHost.RefusedAsync(StatusCode.AlreadyExists, "FEED_USER_NAME_TAKEN", RegisterAsync("grace"));
        await FeedHost.RefusedAsync(StatusCode.AlreadyExists, "FEED_USER_NAME_TAKEN", RegisterAsync("GRACE"));
        Assert.Equal(1, await Feed.NumberAsync("SELECT COUNT(*) FROM users"));
    }

    [Fact]
    public async Task Of_many_who_register_one_name_at_once_exactly_one_gets_it()
    {
        var calls = Enumerable.Range(0, 16).Select(i => RegisterAsync(i % 2 == 0 ? "everybody" : "EveryBody")).ToArray();
        var winners = 0;
        foreach (var call in calls)
        {
            try
            {
                await call;
                winners++;
            }
            catch (RpcException)
            {
                await FeedHost.RefusedAsync(StatusCode.AlreadyExists, "FEED_USER_NAME_TAKEN", call);
            }
        }
        Assert.Equal((1, 1), (winners, await Feed.NumberAsync("SELECT COUNT(*) FROM users")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("ab")]
    [InlineData("a23456789012345678901234567890123")]
    [InlineData("with space")]
    [InlineData("Käthe")]
    [InlineData("nul\0nul")]
    [InlineData("line\nfeed")]
    [InlineData("'; DROP TABLE users; --")]
    public Task A_name_outside_of_the_rules_is_refused(string name) => FeedHost.InvalidAsync("name", RegisterAsync(name));

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(129)]
    public Task A_password_outside_of_the_rules_is_refused(int length) =>
        FeedHost.InvalidAsync("password", RegisterAsync("long-enough", new string('p', length)));

    [Theory]
    [InlineData("a23", 8)]
    [InlineData("a2345678901234567890123456789012", 128)]
    public async Task The_shortest_and_longest_names_and_passwords_are_welcome(string name, int length)
    {
        var user = (await RegisterAsync(name, new string('ü', length))).User;
        Assert.Equal(user, (await LogInAsync(name, new string('ü', length))).User);
    }

    [Theory]
    [InlineData("linus", "wrong horse battery")]
    [InlineData("linus", "")]
    [InlineData("nobody", Password)]
    [InlineData("", "")]
    [InlineData("linus\0", Password)]
    [InlineData("linus' OR '1'='1", Password)]
    [InlineData("%", Password)]
    public async Task Who_does_not_know_name_and_password_learns_nothing_else(string name, string password)
    {
        await RegisterAsync("linus");
        var error = await FeedHost.RefusedAsync(StatusCode.Unauthenticated, "FEED_BAD_CREDENTIALS", LogInAsync(name, password));
        Assert.Empty(error.Metadata);
    }

    [Fact]
    public async Task An_unknown_name_takes_as_long_as_a_wrong_password()
    {
        await RegisterAsync("margaret");
        var (known, unknown) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        for (var i = 0; i < 5; i++)
        {
            known = Min(known, await TimeAsync(() => RefuseLogInAsync("margaret")));
            unknown = Min(unknown, await TimeAsync(() => RefuseLogInAsync("nobody")));
        }
        // The shortest of several, because whatever else the machine does only ever adds time. The range is wide for the same reason: without
        // a hash, the unknown name takes a thirtieth. UserPasswordsTests shows that the work is the same.
        Assert.InRange(unknown, known / 5, known * 5);
    }

    [Fact]
    public async Task A_hash_of_an_older_kind_is_replaced_at_the_next_log_in()
    {
        var user = (await RegisterAsync("old-timer")).User;
        var fewerRounds = new PasswordHasher<UserRow>(Options.Create(new PasswordHasherOptions { IterationCount = 1000 }));
        var store = Feed.Services.GetRequiredService<UserStore>();
        var old = fewerRounds.HashPassword(new UserRow(user.Id, user.Name, "", 0), Password);
        await store.SetPasswordHashAsync(user.Id, old, Token);

        await LogInAsync("old-timer");
        var replaced = (await store.FindAsync(user.Id, Token))!.PasswordHash;
        Assert.NotEqual(old, replaced);
        await LogInAsync("old-timer");
        Assert.Equal(replaced, (await store.FindAsync(user.Id, Token))!.PasswordHash);
    }

    [Fact]
    public async Task Neither_the_database_nor_the_log_knows_a_password()
    {
        await RegisterAsync("secretive", Password);
        await LogInAsync("secretive", Password);
        await FeedHost.RefusedAsync(StatusCode.Unauthenticated, "FEED_BAD_CREDENTIALS", LogInAsync("secretive", Password + "?"));
        await FeedHost.RefusedAsync(StatusCode.AlreadyExists, "FEED_USER_NAME_TAKEN", RegisterAsync("secretive", Password));
        Assert.NotEmpty(Feed.Logs.Records);
        Assert.DoesNotContain(Feed.Logs.Records, record => record.Text.Contains(Password, StringComparison.Ordinal));
        var hash = await Feed.Database.ReadAsync(connection => connection.QuerySingleAsync<string>("SELECT password_hash FROM users"), Token);
        Assert.DoesNotContain("horse", hash, StringComparison.Ordinal);
    }

    private AsyncUnaryCall<RegisterResponse> RegisterAsync(string name, string password = Password) =>
        Feed.Users.RegisterAsync(new RegisterRequest { Name = name, Password = password }, cancellationToken: Token);

    private AsyncUnaryCall<LogInResponse> LogInAsync(string name, string password = Password) =>
        Feed.Users.LogInAsync(new LogInRequest { Name = name, Password = password }, cancellationToken: Token);

    private Task RefuseLogInAsync(string name) =>
        FeedHost.RefusedAsync(StatusCode.Unauthenticated, "FEED_BAD_CREDENTIALS", LogInAsync(name, "wrong horse battery"));

    private static async Task<TimeSpan> TimeAsync(Func<Task> action)
    {
        var start = Stopwatch.GetTimestamp();
        await action();
        return Stopwatch.GetElapsedTime(start);
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}

public sealed class UserTestsOnSqlite() : UserTests(null);

public sealed class UserTestsOnPostgres(PostgresServer server) : UserTests(server);
