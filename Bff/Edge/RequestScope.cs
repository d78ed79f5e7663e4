using System.Globalization;
using FeedMall.Bff.Protection;
using FeedMall.Resilience.Queueing;
using FeedMall.ServiceDefaults.Logs;

namespace FeedMall.Bff.Edge;

/// <summary>
/// One request, found by all code that works for it: what its log lines say of it, and what protections did to it. It flows with that code; a request of our own
/// that makes an answer for many (a flight) has one too.
/// </summary>
internal sealed class RequestScope(HttpContext http, bool isFlight) : RequestFields
{
    // Guards what follows: parts of an answer are gathered at the same time, and one of them may still run when the request is over.
    private readonly Lock _gate = new();
    private List<string>? _decisions;
    private HttpContext? _http = http;

    /// <summary>What is known of it; null before it is.</summary>
    public RequestContext? Request { get; set; }

    public override string? Uid => Request?.Uid?.ToString(CultureInfo.InvariantCulture);

    public override string? App => Request?.App;

    public override string? Colour => Request?.Colour;

    public override string? Criticality => Request?.Criticality.Text();

    public override string? ClientAddress => Request?.Address.ToString();

    /// <summary>The scope of the request that this code works for, or null.</summary>
    public static new RequestScope? Current => RequestFields.Current as RequestScope;

    /// <summary>The route of the request; "none" when there is none, or it is over.</summary>
    public string Route
    {
        get
        {
            lock (_gate) return _http is null ? "none" : RoutePolicy.NameOf(_http);
        }
    }

    /// <summary>Begins a request: from here on this flow works for it.</summary>
    public static RequestScope Begin(HttpContext http, bool isFlight = false)
    {
        var scope = new RequestScope(http, isFlight);
        RequestFields.Current = scope;
        return scope;
    }

    /// <summary>Names a decision in the answer's headers, unless they are gone. A flight's answer is kept for others, so its decisions stand beside it.</summary>
    public void Explain(string decision)
    {
        lock (_gate)
        {
            if (isFlight) (_decisions ??= []).Add(decision);
            else if (_http is { Response.HasStarted: false }) _http.Response.Headers.Append(Decisions.Header, decision);
        }
    }

    /// <summary>The request is over: its context is another's from now on.</summary>
    /// <returns>The decisions of a flight.</returns>
    public IReadOnlyList<string> End()
    {
        lock (_gate)
        {
            _http = null;
            return _decisions ?? [];
        }
    }
}
