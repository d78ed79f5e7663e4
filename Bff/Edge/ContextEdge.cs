using System.Globalization;
using FeedMall.Bff.Protection;
using FeedMall.Resilience.Queueing;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Finds out what is known of a request before anything is done for it: who sent it, how much it matters, and how much time it has. That is the route's time,
/// or less when the caller asks for less with x1-mio-timeout (milliseconds, at most nine digits; anything else is ignored, spec §7.3). Everything that the
/// request does is cancelled when it is over.
/// </summary>
internal sealed class ContextEdge(
    RequestDelegate next, IOptionsMonitor<BffOptions> options, IOptionsMonitor<ProtectionOptions> protection, TrustedProxies proxies, TimeProvider clock)
{
    public const string TimeoutHeader = "x1-mio-timeout";
    public const string CriticalityHeader = "x1-mio-criticality";
    public const string ColourHeader = "x1-mio-color";
    public const string AppHeader = "aid";
    private const int MaxDigits = 9;

    public async Task InvokeAsync(HttpContext context)
    {
        var policy = RoutePolicy.Of(context);
        var settings = policy is null ? null : protection.CurrentValue.Routes.GetValueOrDefault(RoutePolicy.NameOf(context));
        var routeTime = settings?.Timeout ?? policy?.Timeout?.Invoke(options.CurrentValue) ?? options.CurrentValue.RequestTimeout;
        var budget = Budget(context, routeTime);
        var isTrusted = proxies.Include(context.Connection.RemoteIpAddress);
        var callerGone = context.RequestAborted;
        using var deadline = new CancellationTokenSource(budget, clock);
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, callerGone);
        context.RequestAborted = cancelled.Token;
        var request = new RequestContext(context, budget, callerGone, clock)
        {
            RouteTime = routeTime,
            Criticality = CriticalityOf(context, policy, settings, isTrusted),
            Address = proxies.FindClient(context),
            App = Label(context, AppHeader) ?? "unknown",
            // Which copies of the services a request is for is not for the public to say.
            Colour = isTrusted ? Label(context, ColourHeader) : null,
        };
        context.Features.Set(request);
        if (RequestScope.Current is { } scope) scope.Request = request;
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

    private static TimeSpan Budget(HttpContext context, TimeSpan routeTime)
    {
        var asked = context.Request.Headers[TimeoutHeader].ToString();
        return asked.Length is > 0 and <= MaxDigits && long.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            && TimeSpan.FromMilliseconds(milliseconds) is var wish && wish < routeTime ? wish : routeTime;
    }

    // Everybody may say that a request matters less; that it matters more, only who is trusted.
    private static Criticality CriticalityOf(HttpContext context, RoutePolicy? policy, RouteSettings? settings, bool isTrusted)
    {
        var own = settings?.Criticality is { } text && CriticalityTexts.TryParse(text, out var set) ? set : policy?.Criticality ?? Criticality.Critical;
        return CriticalityTexts.TryParse(context.Request.Headers[CriticalityHeader].ToString(), out var asked) && (isTrusted || asked > own) ? asked : own;
    }

    // Travels on and becomes a label, so it is short and plain.
    private static string? Label(HttpContext context, string header)
    {
        var text = context.Request.Headers[header].ToString();
        return text.Length is > 0 and <= 32 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? text : null;
    }
}
