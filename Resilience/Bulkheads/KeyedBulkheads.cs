using System.Collections.Concurrent;

namespace FeedMall.Resilience.Bulkheads;

/// <summary>
/// A bulkhead for each key: the name of a dependency, which is one of few. Beyond MaxKeys all further keys share one bulkhead, so memory is bounded and work on the
/// first keys stays apart from the rest; a key never changes its bulkhead.
/// </summary>
public sealed class KeyedBulkheads
{
    // Guards the making of bulkheads and the change of options.
    private readonly Lock _making = new();
    private readonly ConcurrentDictionary<string, Bulkhead> _bulkheads = new(StringComparer.Ordinal);
    private readonly Bulkhead _rest;
    private readonly TimeProvider _clock;
    private BulkheadOptions _options;
    private volatile bool _dryRun;
    private int _keys;

    /// <summary>Checks the options.</summary>
    public KeyedBulkheads(BulkheadOptions options, TimeProvider clock)
    {
        options.Check();
        _options = options;
        _clock = clock;
        _rest = new Bulkhead(options, clock);
    }

    /// <summary>The bulkhead of a key; the same one each time.</summary>
    public Bulkhead this[string key] => _bulkheads.TryGetValue(key, out var bulkhead) ? bulkhead
        : Volatile.Read(ref _keys) >= Options.MaxKeys ? _rest : Make(key);

    /// <summary>What the keys beyond MaxKeys share.</summary>
    public Bulkhead Rest => _rest;

    /// <summary>May be set at any time, and holds for all bulkheads at once. With fewer MaxKeys than there are, those stay.</summary>
    public BulkheadOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            lock (_making)
            {
                Volatile.Write(ref _options, value);
                foreach (var bulkhead in All()) bulkhead.Options = value;
            }
        }
    }

    /// <summary>True: all count, and let everything in.</summary>
    public bool DryRun
    {
        get => _dryRun;
        set
        {
            lock (_making)
            {
                _dryRun = value;
                foreach (var bulkhead in All()) bulkhead.DryRun = value;
            }
        }
    }

    /// <summary>All keys that have one of their own, for governor, console and tests.</summary>
    public IReadOnlyDictionary<string, BulkheadSnapshot> Snapshot() => _bulkheads.ToDictionary(pair => pair.Key, pair => pair.Value.Snapshot());

    private IEnumerable<Bulkhead> All() => _bulkheads.Values.Append(_rest);

    private Bulkhead Make(string key)
    {
        lock (_making)
        {
            if (_bulkheads.TryGetValue(key, out var made)) return made;
            if (_keys >= _options.MaxKeys) return _rest;
            var bulkhead = new Bulkhead(_options, _clock) { DryRun = _dryRun };
            _bulkheads[key] = bulkhead;
            Volatile.Write(ref _keys, _keys + 1);
            return bulkhead;
        }
    }
}
