using System.Collections.Concurrent;
using System.Collections.Immutable;
using Google.Protobuf.Reflection;

namespace FeedMall.Rpc.Server;

/// <summary>The services that this application answers: for health, for reflection and for the route of unknown methods.</summary>
internal sealed class GrpcServiceRegistry
{
    private readonly ConcurrentDictionary<string, ServiceDescriptor?> _services = new(StringComparer.Ordinal);
    private int _fallback;

    /// <summary>"package.Service" of every service that was mapped, in order.</summary>
    public ImmutableArray<string> Names => [.. _services.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The descriptors of the mapped services; a service that was not generated from a .proto file has none.</summary>
    public IEnumerable<ServiceDescriptor> Descriptors => _services.Values.OfType<ServiceDescriptor>();

    public void Add(IEnumerable<string> names, ServiceDescriptor? descriptor)
    {
        foreach (var name in names) _services[name] = descriptor;
    }

    /// <summary>"package.Service" of a service that was mapped.</summary>
    public bool Knows(string name) => _services.ContainsKey(name);

    /// <summary>True for the first caller only, who then maps what every server answers.</summary>
    public bool TakeFallback() => Interlocked.Exchange(ref _fallback, 1) == 0;
}
