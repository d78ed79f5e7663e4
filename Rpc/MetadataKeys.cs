namespace FeedMall.Rpc;

/// <summary>Metadata with a meaning of its own (spec §12).</summary>
public static class MetadataKeys
{
    /// <summary>What starts like this travels on to every further hop.</summary>
    public const string Global = "x-md-global-";

    /// <summary>What starts like this goes one hop and stops.</summary>
    public const string Local = "x-md-local-";

    /// <summary>The name of the calling application.</summary>
    public const string App = "app";

    /// <summary>The application that the first request came from, on all hops.</summary>
    public const string CallerApp = Global + "app";

    /// <summary>How much it hurts when the request is refused: critical_plus, critical, sheddable_plus or sheddable.</summary>
    public const string Criticality = Global + "criticality";

    /// <summary>
    /// Names the work of a call: the server that it goes to does that work once, however often the call comes. So the call may be sent again, whatever its
    /// method; only for methods whose server keeps that promise. It goes one hop: what the server calls in turn makes promises of its own.
    /// </summary>
    public const string IdempotencyKey = Local + "idempotency-key";

    /// <summary>Which copies of the services the request is for.</summary>
    public const string Colour = Global + "color";

    /// <summary>The IP address of the client that the first request came from.</summary>
    public const string ClientAddress = Global + "client-ip";

    /// <summary>Asks a server for its <see cref="CpuUsage"/>.</summary>
    public const string EnableCpuUsage = "enable-cpu-usage";

    /// <summary>How busy the answering server is, 0 to 1000.</summary>
    public const string CpuUsage = "cpu-usage";
}
