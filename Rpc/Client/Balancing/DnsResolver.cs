using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace FeedMall.Rpc.Client;

/// <summary>All addresses that a host name has, asked again every 30 s, and 1 s after a connection failed.</summary>
/// <param name="address">http:// or https:// with the host name and port.</param>
/// <param name="clock">What the waits are measured with.</param>
/// <param name="lookUp">How a name is looked up; null: by the system.</param>
public sealed class DnsResolver(Uri address, TimeProvider clock, Func<string, CancellationToken, Task<IPAddress[]>>? lookUp = null) : Resolver
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_shortestInterval = TimeSpan.FromSeconds(1);

    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _lookUp = lookUp ?? Dns.GetHostAddressesAsync;
    // Holds one wish to know now; more of them are the same wish.
    private readonly Channel<bool> _refresh = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <inheritdoc/>
    public override async IAsyncEnumerable<IReadOnlyList<ResolvedAddress>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IReadOnlyList<ResolvedAddress>? known = null;
        while (true)
        {
            var found = await FindAsync(cancellationToken);
            // Nothing at all is an answer the first time, so that calls fail at once instead of waiting for a list; later the old one is kept.
            if (known is null || (found.Count > 0 && !found.SequenceEqual(known))) yield return known = found;
            // So that a name that fails at once, or a server that does, is not asked for without a pause.
            await Task.Delay(s_shortestInterval, clock, cancellationToken);
            await WaitAsync(known.Count > 0 ? s_interval : TimeSpan.Zero, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public override void Refresh() => _refresh.Writer.TryWrite(true);

    private async Task<IReadOnlyList<ResolvedAddress>> FindAsync(CancellationToken cancellationToken)
    {
        try
        {
            var found = await _lookUp(address.DnsSafeHost, cancellationToken);
            return [.. found.Select(ip => new ResolvedAddress(address, new IPEndPoint(ip, address.Port))).DistinctBy(one => one.Key).OrderBy(one => one.Key, StringComparer.Ordinal)];
        }
        catch (SocketException)
        {
            // No answer is not the answer that there is nothing.
            return [];
        }
    }

    private async Task WaitAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(time, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        try
        {
            await _refresh.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time is over.
        }
    }
}
