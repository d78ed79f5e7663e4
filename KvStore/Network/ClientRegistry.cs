using System.Collections.Concurrent;

namespace FeedMall.KvStore.Network;

/// <summary>Who is connected.</summary>
internal sealed class ClientRegistry
{
    private readonly ConcurrentDictionary<long, Client> _clients = new();
    private long _lastId;

    public int Count => _clients.Count;

    public IEnumerable<Client> All => _clients.Values;

    public long NextId() => Interlocked.Increment(ref _lastId);

    public Client? Find(long id) => _clients.GetValueOrDefault(id);

    public void Add(Client client) => _clients[client.Id] = client;

    public void Remove(Client client) => _clients.TryRemove(client.Id, out _);
}
