using System.Globalization;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Commands by chance over few keys, so that they meet: every kind that changes data, also such as fail or change nothing.</summary>
internal sealed class RandomCommands(int seed, int keys = 40)
{
    private readonly Random _chance = new(seed);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    public string[] Next() => _chance.Next(6) switch
    {
        0 => OfStrings(),
        1 => OfKeys(),
        2 => OfHashes(),
        3 => OfLists(),
        4 => OfSets(),
        _ => OfSortedSets(),
    };

    public string[] OfStrings() => _chance.Next(16) switch
    {
        0 => ["SET", Key('s'), Value()],
        1 => ["SET", Key('s'), Value(), "EX", Text(_chance.Next(1000, 2000))],
        2 => ["SET", Key('s'), Value(), "PX", Text(_chance.Next(1, 20))],
        3 => ["SET", Key('s'), Value(), "KEEPTTL", "XX"],
        4 => ["SET", Key('s'), Value(), "NX", "GET"],
        5 => ["SETEX", Key('s'), "5000", Value()],
        6 => ["GETSET", Key('s'), Value()],
        7 => ["GETDEL", Key('s')],
        8 => ["GETEX", Key('s'), "PX", Text(_chance.Next(1_000_000))],
        9 => ["GETEX", Key('s'), "PERSIST"],
        10 => ["INCRBY", Key('n'), Text(_chance.Next(-100, 100))],
        11 => ["INCRBYFLOAT", Key('n'), "0.1"],
        12 => ["APPEND", Key('s'), Value()],
        13 => ["SETRANGE", Key('s'), Text(_chance.Next(20)), Value()],
        14 => ["MSET", Key('s'), Value(), Key('s'), Value()],
        _ => ["MSETNX", Key('s'), Value(), Key('s'), Value()],
    };

    private string[] OfKeys() => _chance.Next(14) switch
    {
        0 => ["DEL", AnyKey(), AnyKey()],
        1 => ["EXPIRE", AnyKey(), Text(_chance.Next(1000, 2000))],
        2 => ["PEXPIRE", AnyKey(), Text(_chance.Next(-5, 20))],
        3 => ["PEXPIREAT", AnyKey(), "99999999999999", "GT"],
        4 => ["PERSIST", AnyKey()],
        5 => ["RENAME", AnyKey(), AnyKey()],
        6 => ["RENAMENX", AnyKey(), AnyKey()],
        7 => ["COPY", AnyKey(), AnyKey(), "REPLACE"],
        8 => ["COPY", AnyKey(), AnyKey(), "DB", Text(_chance.Next(3))],
        9 => ["MOVE", AnyKey(), Text(_chance.Next(3))],
        10 => ["SELECT", Text(_chance.Next(3))],
        11 => _chance.Next(100) == 0 ? ["FLUSHDB"] : ["UNLINK", AnyKey()],
        12 => _chance.Next(50) == 0 ? ["SWAPDB", "1", "2"] : ["SETNX", Key('s'), Value()],
        _ => ["TOUCH", AnyKey()],
    };

    private string[] OfHashes() => _chance.Next(5) switch
    {
        0 => ["HSET", Key('h'), Value(), Value(), Value(), Value()],
        1 => ["HDEL", Key('h'), Value(), Value()],
        2 => ["HINCRBY", Key('h'), "count", Text(_chance.Next(-9, 9))],
        3 => ["HINCRBYFLOAT", Key('h'), "float", "0.3"],
        _ => ["HSETNX", Key('h'), Value(), Value()],
    };

    private string[] OfLists() => _chance.Next(9) switch
    {
        0 => ["LPUSH", Key('l'), Value(), Value()],
        1 => ["RPUSH", Key('l'), Value(), Value(), Value()],
        2 => ["LPOP", Key('l'), "2"],
        3 => ["RPOP", Key('l')],
        4 => ["LTRIM", Key('l'), "1", "-2"],
        5 => ["LREM", Key('l'), "1", Value()],
        6 => ["LSET", Key('l'), "0", Value()],
        7 => ["LINSERT", Key('l'), "BEFORE", Value(), Value()],
        _ => ["LMOVE", Key('l'), Key('l'), "LEFT", "RIGHT"],
    };

    private string[] OfSets() => _chance.Next(5) switch
    {
        0 => ["SADD", Key('m'), Value(), Value(), Value()],
        1 => ["SREM", Key('m'), Value()],
        2 => ["SPOP", Key('m')],
        3 => ["SPOP", Key('m'), "3"],
        _ => ["SMOVE", Key('m'), Key('m'), Value()],
    };

    private string[] OfSortedSets() => _chance.Next(8) switch
    {
        0 => ["ZADD", Key('z'), Text(_chance.Next(100)), Value(), Text(_chance.Next(100)), Value()],
        1 => ["ZADD", Key('z'), "GT", "CH", Text(_chance.Next(100)), Value()],
        2 => ["ZADD", Key('z'), "INCR", "0.7", Value()],
        3 => ["ZINCRBY", Key('z'), "-0.1", Value()],
        4 => ["ZREM", Key('z'), Value()],
        5 => ["ZPOPMIN", Key('z')],
        6 => ["ZREMRANGEBYSCORE", Key('z'), "(10", "20"],
        _ => ["ZREMRANGEBYRANK", Key('z'), "0", "0"],
    };

    private string Key(char kind) => kind + Text(_chance.Next(keys));

    // Of a kind or another: some commands then meet the wrong one.
    private string AnyKey() => Key("snhlmz"[_chance.Next(6)]);

    private string Value() => "v" + new string((char)('a' + _chance.Next(12)), 1 + _chance.Next(3));
}
