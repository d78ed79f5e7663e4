using FeedMall.ServiceDefaults.Validation;
using FluentValidation;

namespace FeedMall.Bff.Requests;

/// <summary>Runs the validator of a body before the handler.</summary>
internal static class BodyValidation
{
    /// <summary>Refuses a body that its validator does not accept: 400 VALIDATION_FAILED, field → message.</summary>
    public static RouteHandlerBuilder Validate<T, TValidator>(this RouteHandlerBuilder route)
        where T : class
        where TValidator : IValidator<T>, new()
    {
        var validator = new TValidator();
        return route.AddEndpointFilter((context, next) =>
        {
            foreach (var argument in context.Arguments)
            {
                if ((argument as T ?? (argument as Patch<T>)?.Value) is { } body) Check(validator, body);
            }
            return next(context);
        });
    }

    private static void Check<T>(IValidator<T> validator, T body)
    {
        var errors = new FieldErrors();
        foreach (var error in validator.Validate(body).Errors) errors.Add(CamelCase(error.PropertyName), error.ErrorMessage);
        errors.ThrowIfAny();
    }

    /// <summary>"Images[0].Url" → "images[0].url", as the field stands in the JSON.</summary>
    internal static string CamelCase(string path) =>
        string.Join('.', path.Split('.').Select(part => part.Length == 0 ? part : char.ToLowerInvariant(part[0]) + part[1..]));
}
