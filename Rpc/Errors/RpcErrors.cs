using Google.Rpc;
using Grpc.Core;

namespace FeedMall.Rpc.Errors;

/// <summary>Reads the reason out of a call's error.</summary>
public static class RpcErrors
{
    /// <summary>The google.rpc.ErrorInfo that came with the error, or null when there was none or it could not be read.</summary>
    public static ErrorInfo? FindErrorInfo(this RpcException exception) => throw new NotImplementedException();
}
