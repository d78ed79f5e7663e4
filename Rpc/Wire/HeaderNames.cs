using System.Globalization;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>The protocol's own headers.</summary>
internal static class HeaderNames
{
    public const string Status = "grpc-status";
    public const string Message = "grpc-message";
    public const string StatusDetails = "grpc-status-details-bin";
    public const string Timeout = "grpc-timeout";
    public const string Encoding = "grpc-encoding";
    public const string AcceptEncoding = "grpc-accept-encoding";
    public const string PreviousAttempts = "grpc-previous-rpc-attempts";
    public const string RetryPushback = "grpc-retry-pushback-ms";
    /// <summary>Metadata that asks this runtime for an encoding of one call; never sent.</summary>
    public const string EncodingRequest = "grpc-internal-encoding-request";
    public const string ServerTiming = "server-timing";
    public const string ContentType = "application/grpc";

    private static readonly string[] Numbers =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];

    /// <summary>The value of grpc-status.</summary>
    public static string Format(StatusCode code) => (uint)code < (uint)Numbers.Length ? Numbers[(int)code] : Format(StatusCode.Unknown);

    /// <summary>A small number as text.</summary>
    public static string Number(int number) => (uint)number < (uint)Numbers.Length ? Numbers[number] : number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The code in grpc-status; UNKNOWN for a number or a text that is no code (spec §13.2.7).</summary>
    public static StatusCode ParseStatus(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < Numbers.Length
            ? (StatusCode)number
            : StatusCode.Unknown;

    /// <summary>Whether a header belongs to the protocol or the transport and is therefore no metadata.</summary>
    public static bool IsReserved(string name) =>
        name.StartsWith(':')
        || (name.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase) && !IsOpen(name))
        || name.Equals("content-type", StringComparison.OrdinalIgnoreCase)
        || name.Equals("te", StringComparison.OrdinalIgnoreCase)
        || name.Equals("host", StringComparison.OrdinalIgnoreCase)
        || name.Equals("content-length", StringComparison.OrdinalIgnoreCase)
        || name.Equals("transfer-encoding", StringComparison.OrdinalIgnoreCase)
        || name.Equals("date", StringComparison.OrdinalIgnoreCase)
        || name.Equals("server", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether a content type is gRPC's: "application/grpc", alone or followed by "+format" or ";parameters" (spec §13.1.3).
    /// "application/grpc-web" is not.
    /// </summary>
    public static bool IsGrpc(string? contentType) =>
        contentType == ContentType
        || contentType?.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase) == true
        && (contentType.Length == ContentType.Length || contentType[ContentType.Length] is '+' or ';');

    // These are the protocol's too, but whoever makes or reads an error may need them.
    private static bool IsOpen(string name) =>
        name.Equals(StatusDetails, StringComparison.OrdinalIgnoreCase)
        || name.Equals(RetryPushback, StringComparison.OrdinalIgnoreCase)
        || name.Equals(PreviousAttempts, StringComparison.OrdinalIgnoreCase);
}
