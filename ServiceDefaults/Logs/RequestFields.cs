using FeedMall.Rpc;
using Grpc.Core;

namespace FeedMall.ServiceDefaults.Logs;

/// <summary>What the log lines and the span of a request say of it, beside the trace id. Nothing secret: no token, no key, nothing of a body.</summary>
public abstract class RequestFields
{
    private static readonly AsyncLocal<RequestFields?> s_current = new();

    /// <summary>Of the request that this code answers, or null. Setting it holds for this asynchronous flow only.</summary>
    public static RequestFields? Current
    {
        get => s_current.Value ?? (RequestContext.Current is { } call ? new OfCall(call.Metadata) : null);
        set => s_current.Value = value;
    }

    /// <summary>The logged-in user.</summary>
    public abstract string? Uid { get; }

    /// <summary>The application that the request came from first, as it says itself.</summary>
    public abstract string? App { get; }

    /// <summary>Which copies of the services the request is for.</summary>
    public abstract string? Colour { get; }

    /// <summary>How much it hurts when it is refused.</summary>
    public abstract string? Criticality { get; }

    /// <summary>The address of the client that it came from first.</summary>
    public abstract string? ClientAddress { get; }

    /// <summary>Hands over each that is known, with its name.</summary>
    public void Write(Action<string, string> field)
    {
        if (Uid is { } uid) field("uid", uid);
        if (App is { } app) field("app", app);
        if (Colour is { } colour) field("color", colour);
        if (Criticality is { } criticality) field("criticality", criticality);
        if (ClientAddress is { } address) field("client_address", address);
    }

    // A gRPC call brings them as metadata. They are other people's words: what is long is cut where it is written.
    private sealed class OfCall(Metadata metadata) : RequestFields
    {
        public override string? Uid => metadata.GetValue(Caller.UidKey);

        public override string? App => metadata.GetValue(MetadataKeys.CallerApp);

        public override string? Colour => metadata.GetValue(MetadataKeys.Colour);

        public override string? Criticality => metadata.GetValue(MetadataKeys.Criticality);

        public override string? ClientAddress => metadata.GetValue(MetadataKeys.ClientAddress);
    }
}
