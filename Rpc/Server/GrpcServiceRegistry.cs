using System.Collections.Concurrent;

namespace FeedMall.Rpc.Server;

/// <summary>The services that this application answers, for health and for the fallback route.</summary>
internal sealed class GrpcServiceRegistry
{
    private readonly ConcurrentDictionary<string, bool> _names = new(StringComparer.Ordinal);
    private int _fallback;

    public void Add(IEnumerable<string> names)
    {
        foreach (var name in names) _names[name] = true;
    }

    /// <summary>"package.Service" of a service that was mapped.</summary>
    public bool Knows(string name) => _names.ContainsKey(name);

    /// <summary>True for the first caller only, who then maps the route of unknown methods.</summary>
    public bool TakeFallback() => Interlocked.Exchange(ref _fallback, 1) == 0;
}
