using System.IO.Pipelines;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.Rpc;

/// <summary>
/// Connects clients to a server of the same process without a port: the server's Kestrel listens on it, clients connect through it, and
/// everything between them is as over TCP. For tests.
/// </summary>
public sealed class InMemoryTransport : IConnectionListenerFactory, IConnectionListener
{
    private readonly Channel<ConnectionContext> _connections = Channel.CreateUnbounded<ConnectionContext>();
    private int _connected;

    /// <summary>The address under which clients know the server; nothing is looked up.</summary>
    public static Uri Address { get; } = new("http://in-memory");

    EndPoint IConnectionListener.EndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 0);

    /// <summary>Lets the Kestrel of these services listen here instead of on sockets.</summary>
    public void ListenIn(IServiceCollection services) => services.AddSingleton<IConnectionListenerFactory>(this);

    /// <summary>A new connection to the server; an option of clients.</summary>
    /// <exception cref="IOException">The server is not listening any more.</exception>
    public ValueTask<Stream> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var (toServer, toClient) = (new Pipe(), new Pipe());
        var connection = new Connection(Interlocked.Increment(ref _connected), new DuplexPipe(toServer.Reader, toClient.Writer));
        if (!_connections.Writer.TryWrite(connection)) throw new IOException("The server does not listen.");
        return ValueTask.FromResult<Stream>(new DuplexStream(toClient.Reader, toServer.Writer));
    }

    ValueTask<IConnectionListener> IConnectionListenerFactory.BindAsync(EndPoint endpoint, CancellationToken cancellationToken) => ValueTask.FromResult<IConnectionListener>(this);

    async ValueTask<ConnectionContext?> IConnectionListener.AcceptAsync(CancellationToken cancellationToken) =>
        await _connections.Reader.WaitToReadAsync(cancellationToken) && _connections.Reader.TryRead(out var connection) ? connection : null;

    ValueTask IConnectionListener.UnbindAsync(CancellationToken cancellationToken)
    {
        _connections.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    ValueTask IAsyncDisposable.DisposeAsync() => ValueTask.CompletedTask;

    private sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input { get; } = input;

        public PipeWriter Output { get; } = output;
    }

    private sealed class Connection : DefaultConnectionContext
    {
        // Never disposed. The base class cancels its own one from another thread, also when it was disposed meanwhile, which ends the process.
        private readonly CancellationTokenSource _closed = new();

        public Connection(int number, IDuplexPipe transport) : base($"in-memory-{number}") => (Transport, ConnectionClosed) = (transport, _closed.Token);

        public override void Abort(ConnectionAbortedException abortReason)
        {
            Transport.Input.CancelPendingRead();
            Transport.Output.CancelPendingFlush();
            _ = _closed.CancelAsync();
        }
    }

    // What the client writes the server reads; closing one side is the end of the other's input.
    private sealed class DuplexStream(PipeReader input, PipeWriter output) : Stream
    {
        private readonly Stream _input = input.AsStream();
        private readonly Stream _output = output.AsStream();

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => _input.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _input.ReadAsync(buffer, cancellationToken);

        public override void Write(byte[] buffer, int offset, int count) => _output.Write(buffer, offset, count);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => _output.WriteAsync(buffer, cancellationToken);

        public override void Flush() => _output.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => _output.FlushAsync(cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _input.Dispose();
                _output.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
