using Grpc.Core.Interceptors;

namespace FeedMall.Rpc.Server;

/// <summary>Limits and habits of a gRPC server.</summary>
public sealed class GrpcServiceOptions
{
    /// <summary>Time of a unary call whose caller names no deadline. Default 1 s; 1 ms to MaxTimeout.</summary>
    public TimeSpan DefaultTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest time of a unary call, also when its caller would wait longer (spec §7.1: nothing inside is unlimited). Default 10 s; 1 ms to 30 days.</summary>
    public TimeSpan MaxTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time of a streaming call whose caller names no deadline. Default 60 s; 1 ms to 30 days.</summary>
    public TimeSpan DefaultStreamTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Largest request message in bytes, checked on its length prefix and, when it is compressed, on what comes out. Default 4 MiB.</summary>
    public int MaxReceiveMessageBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Largest response message in bytes. Default: no limit.</summary>
    public int? MaxSendMessageBytes { get; set; }

    /// <summary>"gzip" compresses the responses of callers that can read it. Default: none is compressed unless a method asks for it.</summary>
    public string? ResponseCompression { get; set; }

    /// <summary>Whether every answer says in the trailer server-timing how many milliseconds it took. Default: no, it costs about 2 % of a small call.</summary>
    public bool SendServerTiming { get; set; }

    /// <summary>
    /// How busy this server is, 0 to 1000: told in the header cpu-usage to callers that ask, who then spread their calls by it. Called
    /// for every such call. Default: nothing is told.
    /// </summary>
    public Func<int>? CpuUsage { get; set; }

    /// <summary>What stands around every method, outermost first, inside of the server's own chain.</summary>
    public IList<Interceptor> Interceptors { get; } = [];
}
