namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>Correct gRPC as frames.</summary>
internal static class Traffic
{
    /// <summary>The head of a call.</summary>
    public static Frame Begin(string path, int stream, params (string, string)[] metadata) => new(Frame.Headers, Frame.EndHeaders, stream, HeaderBlock.Encode(
        [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "raw"), ("content-type", "application/grpc"), ("te", "trailers"), .. metadata]));

    /// <summary>A whole call with this body.</summary>
    public static Frame[] Call(string path, int stream, byte[] body) => [Begin(path, stream), new(Frame.Data, Frame.EndStream, stream, body)];

    /// <summary>A whole answer with this body.</summary>
    public static Frame[] Answer(int stream, byte[] body, string status = "0") =>
    [
        new(Frame.Headers, Frame.EndHeaders, stream, HeaderBlock.Encode([(":status", "200"), ("content-type", "application/grpc")])),
        new(Frame.Data, 0, stream, body),
        new(Frame.Headers, Frame.EndHeaders | Frame.EndStream, stream, HeaderBlock.Encode([("grpc-status", status)])),
    ];
}
