namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Lists.</summary>
internal static class ListCases
{
    public static IEnumerable<RespCase> All =>
    [
        new("LPUSH RPUSH LRANGE", "LPUSH l a b c → :3", "RPUSH l d e → :5", "LRANGE l 0 -1 → *5⏎$1⏎c⏎$1⏎b⏎$1⏎a⏎$1⏎d⏎$1⏎e", "LRANGE l 1 2 → *2⏎$1⏎b⏎$1⏎a", "LRANGE l -2 -1 → *2⏎$1⏎d⏎$1⏎e", "LRANGE l -100 100 → *5⏎$1⏎c⏎$1⏎b⏎$1⏎a⏎$1⏎d⏎$1⏎e", "LRANGE l 3 1 → *0",
            "LRANGE l 5 9 → *0", "LRANGE no 0 -1 → *0", "LRANGE l a b → -ERR value is not an integer or out of range", "LLEN l → :5", "LLEN no → :0", "LPUSH l → -ERR wrong number of arguments for 'lpush' command", "LPUSHX no a → :0",
            "RPUSHX no a → :0", "EXISTS no → :0", "LPUSHX l x y → :7", "RPUSHX l z → :8", "LRANGE l 0 -1 → *8⏎$1⏎y⏎$1⏎x⏎$1⏎c⏎$1⏎b⏎$1⏎a⏎$1⏎d⏎$1⏎e⏎$1⏎z", "TYPE l → +list", "OBJECT ENCODING l → $9⏎quicklist"),
        new("LPOP RPOP", "RPUSH l a b c d e → :5", "LPOP l → $1⏎a", "RPOP l → $1⏎e", "LPOP l 2 → *2⏎$1⏎b⏎$1⏎c", "RPOP l 0 → *0", "RPOP l 5 → *1⏎$1⏎d", "EXISTS l → :0", "LPOP l → $-1", "LPOP l 1 → *-1", "RPOP l 0 → *-1", "RPUSH l a → :1",
            "LPOP l -1 → -ERR value is out of range, must be positive", "LPOP l x → -ERR value is out of range, must be positive", "LPOP l 1 2 → -ERR wrong number of arguments for 'lpop' command",
            "LPOP no x → -ERR value is out of range, must be positive", "LPOP l → $1⏎a", "EXISTS l → :0"),
        new("LTRIM LINDEX LSET LREM", "RPUSH l a b c d e f → :6", "LTRIM l 1 -2 → +OK", "LRANGE l 0 -1 → *4⏎$1⏎b⏎$1⏎c⏎$1⏎d⏎$1⏎e", "LINDEX l 0 → $1⏎b", "LINDEX l -1 → $1⏎e", "LINDEX l 4 → $-1", "LINDEX l -5 → $-1",
            "LINDEX l x → -ERR value is not an integer or out of range", "LINDEX no 0 → $-1", "LINDEX no x → $-1", "LSET l 0 x → +OK", "LSET l -1 y → +OK", "LSET l 9 z → -ERR index out of range",
            "LSET l x z → -ERR value is not an integer or out of range", "LSET no 0 z → -ERR no such key", "LRANGE l 0 -1 → *4⏎$1⏎x⏎$1⏎c⏎$1⏎d⏎$1⏎y", "LTRIM l x 1 → -ERR value is not an integer or out of range", "LTRIM no 0 1 → +OK",
            "LTRIM l 5 9 → +OK", "EXISTS l → :0", "RPUSH l a b a c a → :5", "LREM l 1 a → :1", "LRANGE l 0 -1 → *4⏎$1⏎b⏎$1⏎a⏎$1⏎c⏎$1⏎a", "LREM l -1 a → :1", "LRANGE l 0 -1 → *3⏎$1⏎b⏎$1⏎a⏎$1⏎c", "LREM l 0 a → :1", "LREM l 0 q → :0",
            "LREM no 0 a → :0", "LREM l x a → -ERR value is not an integer or out of range", "LREM l 0 b → :1", "LREM l 0 c → :1", "EXISTS l → :0"),
        new("LINSERT LMOVE RPOPLPUSH", "RPUSH l a b c → :3", "LINSERT l BEFORE a x → :4", "LINSERT l AFTER c y → :5", "LINSERT l AFTER b z → :6", "LINSERT l BEFORE nope z → :-1", "LINSERT no BEFORE a z → :0", "LINSERT l FOO a z → -ERR syntax error",
            "LRANGE l 0 -1 → *6⏎$1⏎x⏎$1⏎a⏎$1⏎b⏎$1⏎z⏎$1⏎c⏎$1⏎y", "LMOVE l l LEFT RIGHT → $1⏎x", "LMOVE l l RIGHT LEFT → $1⏎x", "LMOVE l l LEFT LEFT → $1⏎x", "LMOVE l l RIGHT RIGHT → $1⏎y", "LRANGE l 0 -1 → *6⏎$1⏎x⏎$1⏎a⏎$1⏎b⏎$1⏎z⏎$1⏎c⏎$1⏎y",
            "RPOPLPUSH l m → $1⏎y", "LMOVE l m LEFT RIGHT → $1⏎x", "LRANGE l 0 -1 → *4⏎$1⏎a⏎$1⏎b⏎$1⏎z⏎$1⏎c", "LRANGE m 0 -1 → *2⏎$1⏎y⏎$1⏎x", "LMOVE no m LEFT LEFT → $-1", "LMOVE l m LEFT FOO → -ERR syntax error", "RPUSH one x → :1",
            "RPOPLPUSH one one → $1⏎x", "RPOPLPUSH one two → $1⏎x", "EXISTS one → :0", "LRANGE two 0 -1 → *1⏎$1⏎x"),
        new("lists in RESP3", "HELLO 3 → ~%7⏎.*", "LPOP l → _", "LPOP l 1 → _", "RPUSH l a b → :2", "LRANGE l 0 -1 → *2⏎$1⏎a⏎$1⏎b", "LPOP l 0 → *0", "LPOP l 5 → *2⏎$1⏎a⏎$1⏎b", "LINDEX l 0 → _"),
        new("lists: the wrong type", "SET s x → +OK", "LPUSH s a → -WRONGTYPE Operation against a key holding the wrong kind of value", "RPUSHX s a → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "LPOP s → -WRONGTYPE Operation against a key holding the wrong kind of value", "LPOP s 0 → -WRONGTYPE Operation against a key holding the wrong kind of value", "LPOP s x → -ERR value is out of range, must be positive",
            "LRANGE s 0 1 → -WRONGTYPE Operation against a key holding the wrong kind of value", "LRANGE s x y → -ERR value is not an integer or out of range", "LLEN s → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "LTRIM s 0 1 → -WRONGTYPE Operation against a key holding the wrong kind of value", "LINDEX s 0 → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "LINDEX s x → -WRONGTYPE Operation against a key holding the wrong kind of value", "LSET s 0 x → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "LSET s x x → -WRONGTYPE Operation against a key holding the wrong kind of value", "LREM s 0 a → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "LINSERT s BEFORE a b → -WRONGTYPE Operation against a key holding the wrong kind of value", "RPUSH l a → :1", "RPOPLPUSH l s → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "RPOPLPUSH s l → -WRONGTYPE Operation against a key holding the wrong kind of value", "LRANGE l 0 -1 → *1⏎$1⏎a", "HSET h a 1 → :1", "LPUSH h a → -WRONGTYPE Operation against a key holding the wrong kind of value"),
    ];
}
