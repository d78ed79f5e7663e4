namespace FeedMall.Rpc.Client;

/// <summary>Where a typed client calls, and its limits.</summary>
public sealed class GrpcClientOptions
{
    /// <summary>The addresses of the service, http:// (h2c) or https://. The first one is used until balancing lands.</summary>
    public IReadOnlyList<Uri> Addresses { get; set; } = [];

    /// <summary>Longest time of a call; a call's own deadline can only shorten it. Default 1 s.</summary>
    public TimeSpan DefaultTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>With less time left than this a call is not sent (spec §7.1 rule 3). Default 5 ms.</summary>
    public TimeSpan MinTimeout { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Kept from the caller's remaining time for the way of the answer. Default: 10 ms, on loopback none.</summary>
    public TimeSpan? NetworkAllowance { get; set; }

    /// <summary>Largest response message in bytes, checked on its length prefix. Default 4 MiB.</summary>
    public int MaxReceiveMessageBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Largest request message in bytes. Default: no limit.</summary>
    public int? MaxSendMessageBytes { get; set; }

    /// <summary>Last word on the connections, for example which certificates to trust.</summary>
    public Action<SocketsHttpHandler>? ConfigureHandler { get; set; }
}
