using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Tests.Rpc;

/// <summary>Makes a client's connections over TCP, and breaks or refuses them when a test says so.</summary>
internal sealed class Network
{
    private readonly ConcurrentQueue<(Uri Address, Connection Stream)> _connections = new();
    private int _tried;

    public bool IsUp { get; set; } = true;

    /// <summary>New connections are made when this has completed.</summary>
    public Task Hold { get; set; } = Task.CompletedTask;

    /// <summary>How often a connection was asked for.</summary>
    public int Tried => Volatile.Read(ref _tried);

    public async ValueTask<Stream> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _tried);
        if (!IsUp) throw new IOException("The network is down.");
        await Hold.WaitAsync(cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        var stream = new Connection(socket);
        _connections.Enqueue((address, stream));
        return stream;
    }

    /// <summary>Cuts every connection; new ones can be made.</summary>
    public void Cut()
    {
        foreach (var (_, stream) in _connections) stream.Cut();
    }

    /// <summary>Cuts every connection, and no new one can be made.</summary>
    public void Break()
    {
        IsUp = false;
        Cut();
    }

    /// <summary>Completes when the client has closed every connection that it made to this address.</summary>
    public Task ClosedAsync(Uri address) => Task.WhenAll(_connections.Where(one => one.Address.Authority == address.Authority).Select(one => one.Stream.Closed));

    private sealed class Connection(Socket socket) : NetworkStream(socket, ownsSocket: true)
    {
        private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Closed => _closed.Task;

        public void Cut()
        {
            if (!Closed.IsCompleted) Socket.Shutdown(SocketShutdown.Both);
        }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            _closed.TrySetResult();
        }
    }
}

/// <summary>A list of addresses that a test changes.</summary>
internal sealed class ListedAddresses : Resolver
{
    private readonly Channel<(IReadOnlyList<ResolvedAddress> List, TaskCompletionSource Seen)> _lists =
        Channel.CreateUnbounded<(IReadOnlyList<ResolvedAddress>, TaskCompletionSource)>();

    /// <summary>Completes when the channel works with this list.</summary>
    public Task SetAsync(params ResolvedAddress[] addresses)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _lists.Writer.TryWrite((addresses, seen));
        return seen.Task;
    }

    public override async IAsyncEnumerable<IReadOnlyList<ResolvedAddress>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (list, seen) in _lists.Reader.ReadAllAsync(cancellationToken))
        {
            yield return list;
            // Whoever asks for the next list has taken this one.
            seen.SetResult();
        }
    }
}

/// <summary>A client with its one channel.</summary>
internal sealed class EchoCaller(ServiceProvider services) : IAsyncDisposable
{
    public Echo.EchoClient Client { get; } = services.GetRequiredService<Echo.EchoClient>();

    public RpcChannel Channel => services.GetRequiredService<RpcChannels>().All.Single();

    /// <summary>How the first address stands.</summary>
    public EndpointState State => Channel.Snapshot()[0].State;

    /// <summary>How a call fails that must.</summary>
    public async Task<(StatusCode, string?)> FailAsync()
    {
        try
        {
            await Client.SayAsync(new EchoRequest());
        }
        catch (RpcException error)
        {
            return (error.StatusCode, error.FindErrorInfo()?.Reason);
        }
        throw new InvalidOperationException("The call did not fail.");
    }

    public ValueTask DisposeAsync() => services.DisposeAsync();
}
