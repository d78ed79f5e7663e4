using System.Net;
using System.Net.Sockets;

namespace FeedMall.Testing;

/// <summary>Finds ports for processes that must be told one before they start.</summary>
public static class FreePort
{
    /// <summary>A port of the loopback interface that nothing listened on a moment ago.</summary>
    public static int Next()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>"http://127.0.0.1:PORT" with such a port.</summary>
    public static string NextUrl() => $"http://127.0.0.1:{Next()}";
}
