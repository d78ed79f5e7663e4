namespace FeedMall.Rpc.Client;

/// <summary>Where a typed client calls, and its limits.</summary>
public sealed class GrpcClientOptions
{
    /// <summary>The addresses of the service, http:// (h2c) or https://. The first one is used until balancing lands.</summary>
    public IReadOnlyList<Uri> Addresses { get; set; } = [];

    /// <summary>Clients of the same name share connections. Default: the addresses.</summary>
    public string? Channel { get; set; }

    /// <summary>Time of a call that names no deadline. Default 1 s.</summary>
    public TimeSpan DefaultTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Largest response message in bytes, checked on its length prefix. Default 4 MiB.</summary>
    public int MaxReceiveMessageBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Largest request message in bytes. Default: no limit.</summary>
    public int? MaxSendMessageBytes { get; set; }
}
