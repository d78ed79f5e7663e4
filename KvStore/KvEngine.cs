using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Data;
using FeedMall.KvStore.Network;
using FeedMall.KvStore.Persistence;
using FeedMall.Resilience;
using Microsoft.Extensions.Options;

namespace FeedMall.KvStore;

/// <summary>Everything behind the connections: the data, the commands, the settings, who is connected and what was counted.</summary>
internal sealed class KvEngine
{
    public KvEngine(IOptions<KvOptions> options, TimeProvider clock, IChance chance)
    {
        Settings = new LiveSettings(options.Value);
        Clock = new KvClock(clock);
        Keyspace = new Keyspace(Clock, chance);
        Evictor = new Evictor(Keyspace, Settings);
        Runner = new CommandRunner(this);
        Config = new ConfigTable(this);
        Keyspace.Access.CountsUses = Settings.Policy is EvictionPolicy.AllKeysLfu or EvictionPolicy.VolatileLfu;
    }

    public LiveSettings Settings { get; }

    public KvClock Clock { get; }

    public Keyspace Keyspace { get; }

    public Evictor Evictor { get; }

    public CommandTable Commands { get; } = new();

    public CommandRunner Runner { get; }

    public ConfigTable Config { get; }

    public ClientRegistry Clients { get; } = new();

    public Traffic Traffic { get; } = new();

    public PubSub PubSub { get; } = new();

    public SlowLog SlowLog { get; } = new();

    /// <summary>What the append-only file has cost.</summary>
    public AppendStatistics Append { get; } = new();

    /// <summary>Begins to write the append-only file anew; says whether it could begin. Null while there is none.</summary>
    public Func<bool>? Rewrite { get; set; }

    /// <summary>The thread that goes on with the clients; null where there is none.</summary>
    public ReadyLoop? Loop { get; set; }

    /// <summary>The port that the server really has.</summary>
    public int Port { get; set; }

    /// <summary>40 hexadecimal digits that name this start.</summary>
    public string RunId { get; } = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(20));

    /// <summary>A client has left. Most hold nothing that others keep, and leave without the data lock.</summary>
    public void LetGo(Client client)
    {
        if (client.HeldBytes == 0) return;
        Keyspace.Gate.Enter();
        client.LetGo();
        Keyspace.Gate.Exit();
    }

    /// <summary>Counts a read of one key.</summary>
    public void CountRead(bool found)
    {
        if (found) Keyspace.Hits++;
        else Keyspace.Misses++;
    }
}
