using FeedMall.Rpc.Client;
using FeedMall.Rpc.Server;
using Grpc.Core;

namespace FeedMall.IntegrationTests.Interop;

/// <summary>The one place where the cases touch what our runtime has beside the official names.</summary>
internal static class MessageCompression
{
    /// <summary>In the headers of a call it selects the encoding of the messages that follow; it is not sent.</summary>
    public static readonly Metadata.Entry AskForGzip = new("grpc-internal-encoding-request", "gzip");

    private static readonly WriteOptions s_uncompressed = new(WriteFlags.NoCompress);

    /// <summary>Whether the request that was read last came compressed.</summary>
    public static bool WasCompressed(ServerCallContext context) => ((ServerCall)context).LastRequestWasCompressed;

    /// <summary>Whether the response that was read last came compressed.</summary>
    public static bool WasCompressed(AsyncCall call) => ((ClientCall)call.State).LastResponseWasCompressed;

    /// <summary>The requests of the call go compressed.</summary>
    public static CallOptions Gzip(CallOptions options) => options.WithHeaders([AskForGzip]);

    /// <summary>The requests of the call go as they are, although it compresses.</summary>
    public static CallOptions Uncompressed(CallOptions options) => options.WithWriteOptions(s_uncompressed);

    /// <summary>Whether the next message goes compressed, in a call that compresses.</summary>
    public static void Use<T>(IAsyncStreamWriter<T> writer, bool isCompressed) => writer.WriteOptions = isCompressed ? WriteOptions.Default : s_uncompressed;
}
