using FeedMall.Bff.Answers;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Bff.Requests;
using FeedMall.Proto.Feed.V1;
using FeedMall.Resilience.Queueing;
using FluentValidation;

namespace FeedMall.Bff.Auth;

/// <summary>A name and a password.</summary>
internal sealed record Credentials(string? Name, string? Password);

/// <summary>A new user.</summary>
internal sealed record RegisteredView(string Uid);

/// <summary>A token, to be sent as "Authorization: Bearer …".</summary>
internal sealed record TokenView(string Token, string Uid, string ExpiresAt);

internal sealed class RegistrationRules : AbstractValidator<Credentials>
{
    public RegistrationRules()
    {
        RuleFor(user => user.Name).Matches("^[A-Za-z0-9_.-]{3,32}\\z").WithMessage("must have 3 to 32 letters, digits, '_', '-' or '.'");
        RuleFor(user => user.Name).NotNull().WithMessage("must be there");
        RuleFor(user => user.Password).NotNull().WithMessage("must be there").Length(8, 128).WithMessage("must have 8 to 128 characters");
    }
}

// No more than this: what a password must look like is nobody's business at the log in.
internal sealed class LogInRules : AbstractValidator<Credentials>
{
    public LogInRules()
    {
        RuleFor(user => user.Name).NotNull().WithMessage("must be there").MaximumLength(32).WithMessage("must have at most 32 characters");
        RuleFor(user => user.Password).NotNull().WithMessage("must be there").MaximumLength(128).WithMessage("must have at most 128 characters");
    }
}

/// <summary>/v1/auth.</summary>
internal static class AuthEndpoints
{
    public static void MapAuth(this IEndpointRouteBuilder routes)
    {
        var auth = routes.MapGroup("/v1/auth").WithTags("Auth").AllowAnonymous()
            // Passwords are guessed by trying, and to check one is the dearest thing that we do.
            .Protect(new RoutePolicy { Timeout = options => options.AuthTimeout, Criticality = Criticality.CriticalPlus, ClientRate = 5, ClientBurst = 50, Dependencies = ["feed"] })
            .HasNoFallback();
        auth.MapPost("/register", Register).Validate<Credentials, RegistrationRules>().WithName(nameof(Register))
            .WithSummary("Register").WithDescription("Creates a user. Names are unique regardless of case.")
            .CanFail(400, 408, 409, 413, 415, 503, 504);
        auth.MapPost("/login", LogIn).Validate<Credentials, LogInRules>().WithName(nameof(LogIn))
            .WithSummary("Log in").WithDescription("Gives a token; put it into Authorize above to try the routes that need one.")
            .CanFail(400, 401, 408, 413, 415, 503, 504);
    }

    public static async Task<Created<RegisteredView>> Register(Credentials body, RequestContext request, Users.UsersClient users)
    {
        var registered = await users.RegisterAsync(new RegisterRequest { Name = body.Name, Password = body.Password }, request.ToCallOptions());
        return new Created<RegisteredView>(null, new RegisteredView(Id.Write(registered.User.Id)));
    }

    public static async Task<Success<TokenView>> LogIn(Credentials body, RequestContext request, Users.UsersClient users, Tokens tokens)
    {
        var user = (await users.LogInAsync(new LogInRequest { Name = body.Name, Password = body.Password }, request.ToCallOptions())).User;
        return new Success<TokenView>(tokens.Issue(user.Id));
    }
}
