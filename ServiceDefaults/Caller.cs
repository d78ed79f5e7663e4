using System.Globalization;
using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.ServiceDefaults;

/// <summary>Who is behind a call, as the metadata says (spec §12). Domain services trust their callers; the edge checks identities.</summary>
public static class Caller
{
    /// <summary>The metadata entry with the acting user's id, in decimal digits; it travels on to every further hop.</summary>
    public const string UidKey = "x-md-global-uid";

    /// <summary>The acting user's id, or null for an anonymous call.</summary>
    public static long? FindUid(ServerCallContext context) =>
        long.TryParse(context.RequestHeaders.GetValue(UidKey), NumberStyles.None, CultureInfo.InvariantCulture, out var uid) && uid > 0 ? uid : null;

    /// <summary>The acting user's id.</summary>
    /// <exception cref="ServiceException">UNAUTHENTICATED for an anonymous call.</exception>
    public static long GetUid(ServerCallContext context) =>
        FindUid(context) ?? throw new ServiceException(StatusCode.Unauthenticated, Reasons.Unauthenticated, "This needs a user: log in first.");
}
