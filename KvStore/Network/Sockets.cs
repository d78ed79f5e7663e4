using System.Net.Sockets;

namespace FeedMall.KvStore.Network;

/// <summary>How the servers of this room part with a client.</summary>
internal static class Sockets
{
    /// <summary>Whatever its connection waits for ends, and it closes the socket itself; with Receive once all is answered that has come.</summary>
    public static void End(Socket socket, SocketShutdown how)
    {
        try
        {
            socket.Shutdown(how);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // It has ended by itself.
        }
    }

    /// <summary>Says why it is not served, without waiting for it, and closes.</summary>
    public static void Refuse(Socket socket, ReadOnlySpan<byte> line)
    {
        socket.Blocking = false;
        try
        {
            socket.Send(line);
        }
        catch (SocketException)
        {
            // It has left already.
        }
        socket.Dispose();
    }
}
