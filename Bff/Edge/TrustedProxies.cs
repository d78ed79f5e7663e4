using System.Net;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Edge;

/// <summary>Whose word on where a request comes from is believed: the proxies in front of this service (Bff:TrustedProxies).</summary>
internal sealed class TrustedProxies(IOptions<BffOptions> options)
{
    private const string RealIpHeader = "x-backend-mio-real-ip";
    private const int MaxHops = 16;

    private readonly IPNetwork[] _networks = BffOptions.ParseNetworks(options.Value.TrustedProxies);

    public bool Include(IPAddress? address) =>
        address is not null && Plain(address) is var plain && Array.Exists(_networks, network => network.Contains(plain));

    /// <summary>
    /// The address of the client: the peer of the connection, or, when that is a trusted proxy, the one that it names. In a list, that is the last one that is
    /// not itself a trusted proxy: what stands before it, anybody can have written.
    /// </summary>
    public IPAddress FindClient(HttpContext context)
    {
        var peer = Plain(context.Connection.RemoteIpAddress ?? IPAddress.None);
        if (!Include(peer)) return peer;
        var headers = context.Request.Headers;
        if (IPAddress.TryParse(headers[RealIpHeader].ToString(), out var named)) return Plain(named);
        var hops = headers["X-Forwarded-For"].ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        for (var i = hops.Length - 1; i >= 0 && hops.Length - i <= MaxHops; i--)
        {
            if (!IPAddress.TryParse(hops[i], out var hop)) break;
            if (i == 0 || !Include(hop)) return Plain(hop);
        }
        // A proxy that names hops may let the caller's own X-Real-IP through.
        return hops.Length == 0 && IPAddress.TryParse(headers["X-Real-IP"].ToString(), out var real) ? Plain(real) : peer;
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
