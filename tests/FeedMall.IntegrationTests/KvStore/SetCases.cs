namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Sets.</summary>
internal static class SetCases
{
    public static IEnumerable<RespCase> All =>
    [
        new("SADD SREM SISMEMBER", "SADD s a → :1", "SADD s a b c → :2", "SADD s a b → :0", "SCARD s → :3", "SCARD no → :0", "SISMEMBER s a → :1", "SISMEMBER s x → :0", "SISMEMBER no x → :0", "SMISMEMBER s a x c → *3⏎:1⏎:0⏎:1", "SMISMEMBER no a b → *2⏎:0⏎:0",
            "SREM s a x → :1", "SREM no a → :0", "SREM s b c → :2", "SMEMBERS s → *0", "SMEMBERS no → *0", "TYPE s → +none", "OBJECT ENCODING s → $-1", "SREM s a → :0", "EXISTS s → :0",
            "SADD s → -ERR wrong number of arguments for 'sadd' command", "SADD i 3 1 2 → :3", "OBJECT ENCODING i → $6⏎intset", "SADD i x → :1", "OBJECT ENCODING i → $9⏎hashtable"),
        new("SPOP SRANDMEMBER", "SPOP no → $-1", "SPOP no 1 → *0", "SRANDMEMBER no → $-1", "SRANDMEMBER no 1 → *0", "SADD s a → :1", "SRANDMEMBER s → $1⏎a", "SRANDMEMBER s 5 → *1⏎$1⏎a", "SRANDMEMBER s -3 → *3⏎$1⏎a⏎$1⏎a⏎$1⏎a", "SRANDMEMBER s 0 → *0",
            "SPOP s 0 → *0", "SPOP s x → -ERR value is out of range, must be positive", "SPOP s -1 → -ERR value is out of range, must be positive", "SPOP s 1 2 → -ERR syntax error",
            "SRANDMEMBER s x → -ERR value is not an integer or out of range", "SRANDMEMBER s 1 2 → -ERR syntax error",
            "SRANDMEMBER s -9223372036854775808 → -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807", "SPOP s → $1⏎a", "EXISTS s → :0", "SADD s b → :1", "SPOP s 5 → *1⏎$1⏎b", "EXISTS s → :0"),
        new("SMOVE SINTER SUNION SDIFF", "SADD s a b → :2", "SADD t b → :1", "SMOVE s t a → :1", "SMOVE s t x → :0", "SMOVE no t a → :0", "SMOVE s s b → :1", "SINTER s t → *1⏎$1⏎b", "SDIFF t s → *1⏎$1⏎a", "SDIFF s t → *0", "SINTER s no → *0", "SUNION s → *1⏎$1⏎b",
            "SUNION no → *0", "SDIFF no s → *0", "SMOVE s t b → :1", "EXISTS s → :0", "SCARD t → :2", "SET str x → +OK", "SMOVE t str a → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "SMOVE str t a → -WRONGTYPE Operation against a key holding the wrong kind of value", "SMOVE no str a → :0", "SINTER t str → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "SUNION str → -WRONGTYPE Operation against a key holding the wrong kind of value", "SDIFF t str → -WRONGTYPE Operation against a key holding the wrong kind of value"),
        new("SSCAN", "SADD s a → :1", "SSCAN s 0 → *2⏎$1⏎0⏎*1⏎$1⏎a", "SSCAN s 0 MATCH x → *2⏎$1⏎0⏎*0", "SSCAN s 0 COUNT 0 → -ERR syntax error", "SSCAN s x → -ERR invalid cursor", "SSCAN no 0 → *2⏎$1⏎0⏎*0"),
        new("sets in RESP3", "HELLO 3 → ~%7⏎.*", "SADD s a → :1", "SMEMBERS s → ~\\~1⏎\\$1⏎a⏎", "SMEMBERS no → ~\\~0⏎", "SPOP s 0 → ~\\~0⏎", "SRANDMEMBER s 1 → *1⏎$1⏎a", "SRANDMEMBER no → _", "SRANDMEMBER no 2 → *0", "SISMEMBER s a → :1",
            "SMISMEMBER s a b → *2⏎:1⏎:0", "SINTER s no → ~\\~0⏎", "SUNION s → ~\\~1⏎\\$1⏎a⏎", "SPOP s 3 → ~\\~1⏎\\$1⏎a⏎", "SPOP s → _"),
        new("sets: the wrong type", "SET s x → +OK", "SADD s a → -WRONGTYPE Operation against a key holding the wrong kind of value", "SREM s a → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "SMEMBERS s → -WRONGTYPE Operation against a key holding the wrong kind of value", "SISMEMBER s a → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "SMISMEMBER s a → -WRONGTYPE Operation against a key holding the wrong kind of value", "SCARD s → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "SPOP s → -WRONGTYPE Operation against a key holding the wrong kind of value", "SPOP s 0 → -WRONGTYPE Operation against a key holding the wrong kind of value", "SPOP s x → -ERR value is out of range, must be positive",
            "SRANDMEMBER s → -WRONGTYPE Operation against a key holding the wrong kind of value", "SRANDMEMBER s x → -ERR value is not an integer or out of range", "SSCAN s 0 → -WRONGTYPE Operation against a key holding the wrong kind of value",
            "ZADD z 1 a → :1", "SADD z a → -WRONGTYPE Operation against a key holding the wrong kind of value", "SMEMBERS z → -WRONGTYPE Operation against a key holding the wrong kind of value"),
    ];
}
