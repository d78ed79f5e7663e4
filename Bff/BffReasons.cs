namespace FeedMall.Bff;

/// <summary>The reasons that only the edge has.</summary>
internal static class BffReasons
{
    /// <summary>404: no route has this path.</summary>
    public const string RouteNotFound = "ROUTE_NOT_FOUND";

    /// <summary>405: the route does not have this method.</summary>
    public const string MethodNotAllowed = "METHOD_NOT_ALLOWED";

    /// <summary>413: the body is over the limit.</summary>
    public const string BodyTooLarge = "BODY_TOO_LARGE";

    /// <summary>415: the body is not JSON.</summary>
    public const string UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE";

    /// <summary>400: the request cannot be read at all.</summary>
    public const string BadRequest = "BAD_REQUEST";

    /// <summary>408: the body did not come within the request's time.</summary>
    public const string RequestTimeout = "REQUEST_TIMEOUT";

    /// <summary>200: the answer is an old one, and a new one is being made.</summary>
    public const string Revalidating = "REVALIDATING";

    /// <summary>503: something that this service needs does not answer; metadata says what.</summary>
    public const string NotReady = "NOT_READY";
}
