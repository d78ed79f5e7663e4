using System.Buffers;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults.Ids;
using FeedMall.ServiceDefaults.Validation;
using Grpc.Core;
using Microsoft.AspNetCore.Identity;

namespace FeedMall.Domain.Feed.Users;

/// <summary>People: the contract is proto/feed/v1/users.proto.</summary>
internal sealed class UsersService(UserStore store, UserPasswords passwords, IIdSource ids, TimeProvider clock)
    : Proto.Feed.V1.Users.UsersBase
{
    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");

    public override async Task<RegisterResponse> Register(RegisterRequest request, ServerCallContext context)
    {
        new FieldErrors()
            .Require(IsName(request.Name), "name", "must have 3 to 32 letters, digits, '_', '-' or '.'")
            .Require(request.Password.Length is >= 8 and <= 128, "password", "must have 8 to 128 characters")
            .ThrowIfAny();
        var hash = await passwords.HashAsync(request.Password, context.CancellationToken);
        var user = new UserRow(await ids.NextAsync(context.CancellationToken), request.Name, hash, clock.GetUtcNow().ToUnixTimeMilliseconds());
        if (!await store.TryAddAsync(user, context.CancellationToken))
            throw new ServiceException(StatusCode.AlreadyExists, FeedReasons.UserNameTaken, "This name is taken: choose another one.");
        return new RegisterResponse { User = ToUser(user) };
    }

    public override async Task<LogInResponse> LogIn(LogInRequest request, ServerCallContext context)
    {
        // What cannot be a name is nobody's, and is not for the database: PostgreSQL refuses text with NUL in it.
        var user = IsName(request.Name) ? await store.FindByNameAsync(request.Name, context.CancellationToken) : null;
        var result = await passwords.VerifyAsync(user, request.Password, context.CancellationToken);
        if (user is null || result == PasswordVerificationResult.Failed)
            throw new ServiceException(StatusCode.Unauthenticated, FeedReasons.BadCredentials, "Name and password do not belong together.");
        if (result == PasswordVerificationResult.SuccessRehashNeeded)
        {
            var hash = await passwords.HashAsync(request.Password, context.CancellationToken);
            await store.SetPasswordHashAsync(user.Id, hash, context.CancellationToken);
        }
        return new LogInResponse { User = ToUser(user) };
    }

    public override async Task<GetUserResponse> GetUser(GetUserRequest request, ServerCallContext context)
    {
        var user = await store.FindAsync(request.Id, context.CancellationToken)
            ?? throw new ServiceException(StatusCode.NotFound, FeedReasons.UserNotFound, "There is no such user.");
        return new GetUserResponse { User = ToUser(user) };
    }

    public override async Task<BatchGetUsersResponse> BatchGetUsers(BatchGetUsersRequest request, ServerCallContext context)
    {
        new FieldErrors().Require(request.Ids.Count <= PageQuery.MaxLimit, "ids", $"must be at most {PageQuery.MaxLimit}").ThrowIfAny();
        var users = (await store.ListAsync(request.Ids, context.CancellationToken)).ToDictionary(user => user.Id);
        var response = new BatchGetUsersResponse();
        response.Users.AddRange(request.Ids.Where(users.ContainsKey).Select(id => ToUser(users[id])));
        return response;
    }

    private static bool IsName(string text) => text.Length is >= 3 and <= 32 && !text.AsSpan().ContainsAnyExcept(NameCharacters);

    private static User ToUser(UserRow row) => new() { Id = row.Id, Name = row.Name, CreatedAtMs = row.CreatedAtMs };
}
