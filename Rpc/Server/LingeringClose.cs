using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace FeedMall.Rpc.Server;

/// <summary>
/// Lets the client close a connection that the server has ended. Kestrel says GOAWAY and closes; a request that is on its way right then
/// would meet a closed socket, and its client would not get to read that it was never begun. So what still comes is read and dropped until
/// the client, which then knows all, closes too.
/// </summary>
internal static class LingeringClose
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(ConnectionContext connection, ConnectionDelegate next, TimeProvider clock)
    {
        var transport = connection.Transport;
        connection.Transport = new Lent(transport);
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = transport;
        }
        using var patience = new CancellationTokenSource(s_patience, clock);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, connection.ConnectionClosed);
        await DropInputAsync(transport.Input, end.Token);
    }

    private static async Task DropInputAsync(PipeReader input, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(cancellationToken);
                input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) return;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ConnectionAbortedException or InvalidOperationException)
        {
            // The client has lost interest, or takes too long; or the server ended in the middle of a read that it did not give back, and nothing can be
            // dropped any more: then the connection closes at once.
        }
    }

    /// <summary>The connection's pipes; whoever is done with reading does not end it for us.</summary>
    private sealed class Lent(IDuplexPipe transport) : IDuplexPipe
    {
        public PipeReader Input { get; } = new LentReader(transport.Input);

        public PipeWriter Output => transport.Output;
    }

    private sealed class LentReader(PipeReader input) : PipeReader
    {
        public override void AdvanceTo(SequencePosition consumed) => input.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => input.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => input.CancelPendingRead();

        public override void Complete(Exception? exception = null) { }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => input.ReadAsync(cancellationToken);

        public override bool TryRead(out ReadResult result) => input.TryRead(out result);
    }
}
