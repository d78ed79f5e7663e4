using System.Net;

namespace FeedMall.Rpc.Client;

/// <summary>One address of a service.</summary>
/// <param name="Address">
/// http:// (h2c) or https://; its host names the server towards the server, also where <paramref name="ConnectTo"/> stands. A fragment is its colour.
/// </param>
/// <param name="ConnectTo">Where to connect when that is not the host of the address; null: there.</param>
/// <param name="Weight">Its share of the calls relative to others; 0: only when nothing else can be reached.</param>
public sealed record ResolvedAddress(Uri Address, IPEndPoint? ConnectTo = null, double Weight = 1)
{
    /// <summary>
    /// Which calls go there: those of requests of this colour, as long as one of these addresses can be reached. Empty: all others.
    /// </summary>
    public string Colour => Address.Fragment.TrimStart('#');

    /// <summary>What makes two of them the same one over updates.</summary>
    public string Key => (ConnectTo is null ? Address.GetLeftPart(UriPartial.Authority) : $"{Address.Scheme}://{ConnectTo}") + Address.Fragment;
}

/// <summary>Finds the addresses of a service and follows their changes. A registry plugs in here.</summary>
public abstract class Resolver
{
    /// <summary>
    /// The complete list, as soon as it is known and after every change, until cancelled. What goes wrong on the way is the
    /// resolver's to try again: a list that was right once is better than none.
    /// </summary>
    public abstract IAsyncEnumerable<IReadOnlyList<ResolvedAddress>> WatchAsync(CancellationToken cancellationToken);

    /// <summary>A connection failed: the list may be out of date. Cheap, and called often.</summary>
    public virtual void Refresh() { }
}
