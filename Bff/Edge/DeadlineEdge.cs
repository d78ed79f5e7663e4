using System.Globalization;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Edge;

/// <summary>Stands on a route that needs another time than the default.</summary>
internal sealed record RouteTimeout(Func<BffOptions, TimeSpan> Of);

/// <summary>
/// Gives every request a deadline: the route's time, or less when the caller asks for less with x1-mio-timeout (milliseconds, at most
/// nine digits; anything else is ignored, spec §7.3). Everything that the request does is cancelled when it passes.
/// </summary>
internal sealed class DeadlineEdge(RequestDelegate next, IOptionsMonitor<BffOptions> options, TimeProvider clock)
{
    public const string TimeoutHeader = "x1-mio-timeout";
    private const int MaxDigits = 9;

    public async Task InvokeAsync(HttpContext context)
    {
        var budget = Budget(context);
        using var deadline = new CancellationTokenSource(budget, clock);
        var callerGone = context.RequestAborted;
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, callerGone);
        context.RequestAborted = cancelled.Token;
        context.Features.Set(new RequestContext(context, clock.GetUtcNow() + budget, callerGone, clock));
        try
        {
            await next(context);
        }
        finally
        {
            // A failure still has to be written, and this token is no more.
            context.RequestAborted = callerGone;
        }
    }

    private TimeSpan Budget(HttpContext context)
    {
        var present = options.CurrentValue;
        var budget = context.GetEndpoint()?.Metadata.GetMetadata<RouteTimeout>()?.Of(present) ?? present.RequestTimeout;
        var asked = context.Request.Headers[TimeoutHeader].ToString();
        return asked.Length is > 0 and <= MaxDigits && long.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            && TimeSpan.FromMilliseconds(milliseconds) is var wish && wish < budget ? wish : budget;
    }
}
