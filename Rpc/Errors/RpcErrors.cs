using FeedMall.Rpc.Wire;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Status = Grpc.Core.Status;

namespace FeedMall.Rpc.Errors;

/// <summary>Reasons in and out of a call's error: google.rpc.Status with ErrorInfo in grpc-status-details-bin (spec §11.2).</summary>
public static class RpcErrors
{
    // A header block over 8 to 16 KiB makes peers close the whole connection, with everybody's calls on it.
    private const int MaxMessageChars = 1024;
    private const int MaxDetailsBytes = 4 * 1024;
    private const string NotStartedKey = "not-started";
    private const string NoRetryKey = "no-retry";

    /// <summary>Metadata of an error: the server has not begun the call, so it may be sent again whatever it does.</summary>
    public static IReadOnlyDictionary<string, string> NotStarted { get; } = new Dictionary<string, string> { [NotStartedKey] = "1" }.AsReadOnly();

    /// <summary>Metadata of an error: somebody further down has tried again already, so nobody above should (spec §8.5).</summary>
    public static IReadOnlyDictionary<string, string> NoRetry { get; } = new Dictionary<string, string> { [NoRetryKey] = "1" }.AsReadOnly();

    /// <summary>Whether an error says that its call was not begun.</summary>
    public static bool SaysNotStarted(this RpcException exception) => exception.FindErrorInfo()?.Metadata.ContainsKey(NotStartedKey) ?? false;

    /// <summary>Whether an error asks not to be tried again.</summary>
    public static bool SaysNoRetry(this RpcException exception) => exception.FindErrorInfo()?.Metadata.ContainsKey(NoRetryKey) ?? false;

    /// <summary>The google.rpc.ErrorInfo that came with the error, or null when there was none or it could not be read.</summary>
    public static ErrorInfo? FindErrorInfo(this RpcException exception)
    {
        if (exception.Trailers.GetValueBytes(HeaderNames.StatusDetails) is not { } bytes) return null;
        try
        {
            foreach (var detail in Google.Rpc.Status.Parser.ParseFrom(bytes).Details)
            {
                if (detail.TryUnpack<ErrorInfo>(out var info)) return info;
            }
        }
        catch (InvalidProtocolBufferException)
        {
            // Unreadable details are ignored; code and message stand on their own.
        }
        return null;
    }

    /// <summary>An error with a reason, as it travels.</summary>
    /// <param name="domain">The service that the reason belongs to.</param>
    public static RpcException Create(
        StatusCode code, string reason, string message, string domain, IReadOnlyDictionary<string, string>? metadata = null, Exception? cause = null)
    {
        var info = new ErrorInfo { Reason = reason, Domain = domain };
        foreach (var (key, value) in metadata ?? new Dictionary<string, string>()) info.Metadata[key] = value;
        if (info.CalculateSize() > MaxDetailsBytes) info.Metadata.Clear();
        message = Cut(message);
        var details = new Google.Rpc.Status { Code = (int)code, Message = message, Details = { Any.Pack(info) } };
        var trailers = new Metadata { { HeaderNames.StatusDetails, details.ToByteArray() } };
        if (info.Metadata.ContainsKey(NoRetryKey)) trailers.Add(HeaderNames.RetryPushback, "-1");
        return new RpcException(new Status(code, message, cause), trailers);
    }

    /// <summary>A message that may repeat what somebody sent, short enough for a header.</summary>
    internal static string Cut(string message) => message.Length <= MaxMessageChars ? message : string.Concat(message.AsSpan(0, MaxMessageChars - 1), "…");
}
