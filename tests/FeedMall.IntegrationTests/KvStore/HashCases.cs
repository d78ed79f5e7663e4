namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Hashes, and what all collections have in common.</summary>
internal static class HashCases
{
    public static IEnumerable<RespCase> All =>
    [
        new("HSET HGET HDEL", "HSET h a 1 b 2 → :2", "HSET h a 9 c 3 → :1", "HGET h a → $1⏎9", "HGET h x → $-1", "HGET no x → $-1", "HMGET h a x c → *3⏎$1⏎9⏎$-1⏎$1⏎3", "HMGET no a → *1⏎$-1", "HGETALL h → *6⏎$1⏎a⏎$1⏎9⏎$1⏎b⏎$1⏎2⏎$1⏎c⏎$1⏎3",
            "HKEYS h → *3⏎$1⏎a⏎$1⏎b⏎$1⏎c", "HVALS h → *3⏎$1⏎9⏎$1⏎2⏎$1⏎3", "HLEN h → :3", "HLEN no → :0", "HEXISTS h a → :1", "HEXISTS h x → :0", "HEXISTS no x → :0", "HSTRLEN h a → :1", "HSTRLEN h x → :0", "HDEL h a x → :1", "HDEL no a → :0",
            "HGETALL h → *4⏎$1⏎b⏎$1⏎2⏎$1⏎c⏎$1⏎3", "HGETALL no → *0", "HKEYS no → *0", "TYPE h → +hash", "HDEL h b c → :2", "EXISTS h → :0", "TYPE h → +none", "DBSIZE → :0"),
        new("HMSET HSETNX", "HMSET h a 1 b 2 → +OK", "HSETNX h a 9 → :0", "HSETNX h c 3 → :1", "HGETALL h → *6⏎$1⏎a⏎$1⏎1⏎$1⏎b⏎$1⏎2⏎$1⏎c⏎$1⏎3", "HSETNX n a 1 → :1", "HGET n a → $1⏎1", "HSET h a → -ERR wrong number of arguments for 'hset' command",
            "HSET h a 1 b → -ERR wrong number of arguments for 'hset' command", "HMSET h a → -ERR wrong number of arguments for 'hmset' command", "HMSET h a 1 b → -ERR wrong number of arguments for 'hmset' command",
            "HGET h → -ERR wrong number of arguments for 'hget' command", "HSET h '' '' → :1", "HGET h '' → $0⏎", "HSTRLEN h '' → :0"),
        new("HINCRBY HINCRBYFLOAT", "HINCRBY h n 5 → :5", "HINCRBY h n -7 → :-2", "HINCRBY h n x → -ERR value is not an integer or out of range", "HSET h s x f 1.5 → :2", "HINCRBY h s 1 → -ERR hash value is not an integer",
            "HINCRBY h f 1 → -ERR hash value is not an integer", "HINCRBYFLOAT h s 1 → -ERR hash value is not a float", "HINCRBYFLOAT h f 1.5 → $1⏎3", "HINCRBYFLOAT h f 0.25 → $4⏎3.25", "HINCRBYFLOAT h f x → -ERR value is not a valid float",
            "HINCRBYFLOAT h f inf → -ERR value is NaN or Infinity", "HINCRBYFLOAT h f nan → -ERR value is not a valid float", "HINCRBYFLOAT h new 1e3 → $4⏎1000", "HINCRBY h m 9223372036854775807 → :9223372036854775807",
            "HINCRBY h m 1 → -ERR increment or decrement would overflow", "HGET h m → $19⏎9223372036854775807", "HGETALL h → *10⏎$1⏎n⏎$2⏎-2⏎$1⏎s⏎$1⏎x⏎$1⏎f⏎$4⏎3.25⏎$3⏎new⏎$4⏎1000⏎$1⏎m⏎$19⏎9223372036854775807"),
        new("HSCAN", "HSET h a 1 b 2 → :2", "HSCAN h 0 → *2⏎$1⏎0⏎*4⏎$1⏎a⏎$1⏎1⏎$1⏎b⏎$1⏎2", "HSCAN h 0 MATCH b → *2⏎$1⏎0⏎*2⏎$1⏎b⏎$1⏎2", "HSCAN h 0 MATCH x* COUNT 5 → *2⏎$1⏎0⏎*0", "HSCAN no 0 → *2⏎$1⏎0⏎*0", "HSCAN no x → -ERR invalid cursor",
            "HSCAN h x → -ERR invalid cursor", "HSCAN h 0 COUNT 0 → -ERR syntax error", "HSCAN h 0 COUNT x → -ERR value is not an integer or out of range", "HSCAN h 0 FOO → -ERR syntax error", "HSCAN no 0 FOO → *2⏎$1⏎0⏎*0",
            "HSCAN h 0 COUNT → -ERR syntax error"),
        new("HRANDFIELD", "HRANDFIELD no → $-1", "HRANDFIELD no 1 → *0", "HSET h a 1 → :1", "HRANDFIELD h → $1⏎a", "HRANDFIELD h 5 → *1⏎$1⏎a", "HRANDFIELD h 5 WITHVALUES → *2⏎$1⏎a⏎$1⏎1", "HRANDFIELD h -3 → *3⏎$1⏎a⏎$1⏎a⏎$1⏎a",
            "HRANDFIELD h -2 WITHVALUES → *4⏎$1⏎a⏎$1⏎1⏎$1⏎a⏎$1⏎1", "HRANDFIELD h 0 → *0", "HRANDFIELD h x → -ERR value is not an integer or out of range", "HRANDFIELD h 1 FOO → -ERR syntax error",
            "HRANDFIELD h 1 WITHVALUES x → -ERR syntax error", "HRANDFIELD h -9223372036854775808 → -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            "HRANDFIELD h -9223372036854775807 WITHVALUES → -ERR value is out of range"),
        new("hashes in RESP3", "HELLO 3 → ~%7⏎.*", "HSET h a 1 b 2 → :2", "HGETALL h → %2⏎$1⏎a⏎$1⏎1⏎$1⏎b⏎$1⏎2", "HGETALL no → %0", "HKEYS h → *2⏎$1⏎a⏎$1⏎b", "HGET h x → _", "HMGET h a x → *2⏎$1⏎1⏎_", "HINCRBYFLOAT h a 1.5 → $3⏎2.5",
            "HSCAN h 0 → *2⏎$1⏎0⏎*4⏎$1⏎a⏎$3⏎2.5⏎$1⏎b⏎$1⏎2", "HRANDFIELD no → _", "HRANDFIELD no 1 → *0"),
        new("hashes: the wrong type", "SET s x → +OK", "HSET s a 1 → -WRONGTYPE Operation against a key holding the wrong kind of value", "HMSET s a 1 → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "HSETNX s a 1 → -WRONGTYPE Operation against a key holding the wrong kind of value", "HGET s a → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "HMGET s a → -WRONGTYPE Operation against a key holding the wrong kind of value", "HGETALL s → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "HKEYS s → -WRONGTYPE Operation against a key holding the wrong kind of value", "HVALS s → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "HDEL s a → -WRONGTYPE Operation against a key holding the wrong kind of value", "HINCRBY s a 1 → -WRONGTYPE Operation against a key holding the wrong kind of value", "HINCRBY s a x → -ERR value is not an integer or out of range",
            "HINCRBYFLOAT s a 1 → -WRONGTYPE Operation against a key holding the wrong kind of value", "HLEN s → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "HEXISTS s a → -WRONGTYPE Operation against a key holding the wrong kind of value", "HSTRLEN s a → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "HSCAN s 0 → -WRONGTYPE Operation against a key holding the wrong kind of value", "HRANDFIELD s → -WRONGTYPE Operation against a key holding the wrong kind of value", "RPUSH l x → :1",
            "HGET l x → -WRONGTYPE Operation against a key holding the wrong kind of value", "HSET h a 1 → :1", "GET h → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "INCR h → -WRONGTYPE Operation against a key holding the wrong kind of value", "APPEND h x → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "GETSET h x → -WRONGTYPE Operation against a key holding the wrong kind of value", "SETNX h x → :0", "LPUSH h x → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "SADD h x → -WRONGTYPE Operation against a key holding the wrong kind of value", "ZADD h 1 x → -WRONGTYPE Operation against a key holding the wrong kind of value", "MGET h s → *2⏎$-1⏎$1⏎x",
            "STRLEN h → -WRONGTYPE Operation against a key holding the wrong kind of value", "GETDEL h → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "GETEX h → -WRONGTYPE Operation against a key holding the wrong kind of value", "SETRANGE h 0 x → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "SET h x GET → -WRONGTYPE Operation against a key holding the wrong kind of value", "SET h x → +OK", "GET h → $1⏎x"),
        new("hashes and what all keys have in common", "HSET h a 1 → :1", "EXPIRE h 1000 → :1", "TTL h → :1000", "HSET h b 2 → :1", "TTL h → :1000", "RENAME h g → +OK", "TTL g → :1000", "HGETALL g → *4⏎$1⏎a⏎$1⏎1⏎$1⏎b⏎$1⏎2", "COPY g k → :1", "HSET k c 3 → :1",
            "HGETALL g → *4⏎$1⏎a⏎$1⏎1⏎$1⏎b⏎$1⏎2", "HGETALL k → *6⏎$1⏎a⏎$1⏎1⏎$1⏎b⏎$1⏎2⏎$1⏎c⏎$1⏎3", "TTL k → :1000", "COPY g k → :0", "COPY g k REPLACE → :1", "HGETALL k → *4⏎$1⏎a⏎$1⏎1⏎$1⏎b⏎$1⏎2", "MOVE k 1 → :1", "EXISTS k → :0",
            "SELECT 1 → +OK", "HGETALL k → *4⏎$1⏎a⏎$1⏎1⏎$1⏎b⏎$1⏎2", "TTL k → :1000", "DEL k → :1", "SELECT 0 → +OK", "PERSIST g → :1", "TTL g → :-1", "OBJECT ENCODING g → $8⏎listpack", "MEMORY USAGE g → ~:\\d+⏎", "TOUCH g → :1", "UNLINK g → :1",
            "EXISTS g → :0", "SET g x → +OK", "RENAME g h2 → +OK", "HSET g y z → :1", "RENAME g h2 → +OK", "TYPE h2 → +hash", "RENAMENX h2 h2 → :0", "EXPIRE h2 -1 → :1", "EXISTS h2 → :0", "DBSIZE → :0"),
    ];
}
