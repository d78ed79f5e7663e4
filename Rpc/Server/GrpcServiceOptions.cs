namespace FeedMall.Rpc.Server;

/// <summary>Limits of a gRPC server.</summary>
public sealed class GrpcServiceOptions
{
    /// <summary>Time of a unary call whose caller names no deadline. Default 1 s; 1 ms to 30 days.</summary>
    public TimeSpan DefaultTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Time of a streaming call whose caller names no deadline. Default 60 s; 1 ms to 30 days.</summary>
    public TimeSpan DefaultStreamTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Largest request message in bytes, checked on its length prefix. Default 4 MiB.</summary>
    public int MaxReceiveMessageBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Largest response message in bytes. Default: no limit.</summary>
    public int? MaxSendMessageBytes { get; set; }
}
