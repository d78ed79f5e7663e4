namespace FeedMall.Rpc.Errors;

/// <summary>The reasons of the mechanisms and the runtime (spec §11.1). Reasons of a business start with its service's name.</summary>
public static class Reasons
{
    /// <summary>400: a field is missing, malformed or out of range; metadata maps field → message.</summary>
    public const string ValidationFailed = "VALIDATION_FAILED";

    /// <summary>401: no identity, or one that is not valid.</summary>
    public const string Unauthenticated = "UNAUTHENTICATED";

    /// <summary>403: a known identity that may not do this.</summary>
    public const string PermissionDenied = "PERMISSION_DENIED";

    /// <summary>499: the caller gave up.</summary>
    public const string Cancelled = "CANCELLED";

    /// <summary>503 or 500: a service behind this one failed.</summary>
    public const string UpstreamError = "UPSTREAM_ERROR";

    /// <summary>503: no address of the service answers.</summary>
    public const string NoEndpoint = "NO_ENDPOINT";

    /// <summary>500: a defect of ours; the log has it, the answer does not.</summary>
    public const string Internal = "INTERNAL";
}
