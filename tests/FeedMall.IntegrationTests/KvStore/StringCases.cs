namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Strings, counters, ranges.</summary>
internal static class StringCases
{
    public static IEnumerable<RespCase> All =>
    [
        new("GET and SET", "GET a → $-1", "SET a 1 → +OK", "GET a → $1⏎1", "set a '' → +OK", "GET a → $0⏎", "GET → -ERR wrong number of arguments for 'get' command", "GET a b → -ERR wrong number of arguments for 'get' command"),
        new("SET's conditions", "SET a 1 XX → $-1", "SET a 1 NX → +OK", "SET a 2 NX → $-1", "SET a 2 XX → +OK", "GET a → $1⏎2", "SET a 3 NX XX → -ERR syntax error", "SET a 3 XX NX → -ERR syntax error"),
        new("SET GET gives the old value", "SET a 1 GET → $-1", "SET a 2 GET → $1⏎1", "SET a 3 NX GET → $1⏎2", "GET a → $1⏎2", "SET b 1 NX GET → $-1", "GET b → $1⏎1", "SET c 1 XX GET → $-1", "GET c → $-1"),
        new("SET's expiries", "SET a 1 EX 100 → +OK", "TTL a → :100", "SET a 2 → +OK", "TTL a → :-1", "SET a 1 PX 100000 → +OK", "SET a 2 KEEPTTL → +OK", "TTL a → :100", "GET a → $1⏎2",
            "SET a 1 EX 0 → -ERR invalid expire time in 'set' command", "SET a 1 EX -1 → -ERR invalid expire time in 'set' command", "SET a 1 EX x → -ERR value is not an integer or out of range",
            "SET a 1 EX 9223372036854775807 → -ERR invalid expire time in 'set' command", "SET a 1 PX 9223372036854775807 → -ERR invalid expire time in 'set' command", "SET a 1 EX 10 PX 10 → -ERR syntax error", "SET a 1 EX 10 KEEPTTL → -ERR syntax error",
            "SET a 1 KEEPTTL EX 10 → -ERR syntax error", "SET a 1 EX → -ERR syntax error", "SET a 1 FOO → -ERR syntax error", "GET a → $1⏎2"),
        new("SET with a time in the past deletes", "SET a 1 → +OK", "SET a 2 EXAT 1 → +OK", "EXISTS a → :0", "SET b 1 PXAT 1 → +OK", "GET b → $-1", "DBSIZE → :0"),
        new("SETEX PSETEX SETNX GETSET", "SETEX a 100 v → +OK", "TTL a → :100", "SETEX a 0 v → -ERR invalid expire time in 'setex' command", "PSETEX a -1 v → -ERR invalid expire time in 'psetex' command", "PSETEX a 100000 v → +OK", "TTL a → :100",
            "SETNX a 1 → :0", "SETNX b 1 → :1", "GETSET a 2 → $1⏎v", "TTL a → :-1", "GETSET c 1 → $-1", "GET c → $1⏎1"),
        new("GETDEL and GETEX", "GETDEL a → $-1", "SET a 1 → +OK", "GETDEL a → $1⏎1", "EXISTS a → :0", "GETEX a → $-1", "SET a 1 EX 100 → +OK", "GETEX a → $1⏎1", "TTL a → :100", "GETEX a PERSIST → $1⏎1", "TTL a → :-1", "GETEX a EX 50 → $1⏎1", "TTL a → :50",
            "GETEX a PX 0 → -ERR invalid expire time in 'getex' command", "GETEX a EX 1 PX 1 → -ERR syntax error", "GETEX a KEEPTTL → -ERR syntax error", "GETEX a PXAT 1 → $1⏎1", "EXISTS a → :0"),
        new("MGET MSET MSETNX", "MSET a 1 b 2 → +OK", "MGET a x b → *3⏎$1⏎1⏎$-1⏎$1⏎2", "MSET a → -ERR wrong number of arguments for 'mset' command", "MSET a 1 b → -ERR wrong number of arguments for 'mset' command",
            "MSETNX a 9 c 3 → :0", "GET c → $-1", "MSETNX c 3 d 4 → :1", "MSETNX c 3 d → -ERR wrong number of arguments for 'msetnx' command", "MGET c d → *2⏎$1⏎3⏎$1⏎4", "EXPIRE a 100 → :1", "MSET a 5 → +OK", "TTL a → :-1"),
        new("INCR and its like", "INCR n → :1", "INCRBY n 10 → :11", "DECR n → :10", "DECRBY n 20 → :-10", "GET n → $3⏎-10", "EXPIRE n 100 → :1", "INCR n → :-9", "TTL n → :100",
            "SET n 9223372036854775807 → +OK", "INCR n → -ERR increment or decrement would overflow", "GET n → $19⏎9223372036854775807", "SET n -9223372036854775808 → +OK", "DECR n → -ERR increment or decrement would overflow",
            "DECRBY n -9223372036854775808 → -ERR decrement would overflow", "INCRBY n 1.5 → -ERR value is not an integer or out of range", "INCRBY n 9223372036854775808 → -ERR value is not an integer or out of range"),
        new("what is no integer",
            [.. new[] { "' 1'", "'1 '", "+1", "01", "-0", "''", "1.0", "0x10", "-", "9223372036854775808", "a" }.SelectMany(text => new RespStep[] { $"SET n {text} → +OK", "INCR n → -ERR value is not an integer or out of range" })]),
        new("INCRBYFLOAT", "SET f 5.0e3 → +OK", "INCRBYFLOAT f 200 → $4⏎5200", "INCRBYFLOAT f 0.5 → $6⏎5200.5", "INCRBYFLOAT f -0.5 → $4⏎5200", "INCRBYFLOAT f x → -ERR value is not a valid float", "SET f x → +OK", "INCRBYFLOAT f 1 → -ERR value is not a valid float",
            "INCRBYFLOAT g 1e20 → $21⏎100000000000000000000", "INCRBYFLOAT g inf → -ERR increment would produce NaN or Infinity", "SET h 3000 EX 100 → +OK",
            new("INCRBYFLOAT h 0.1", "$22⏎3000.10000000000000009", "$6⏎3000.1", "64-bit doubles in their shortest spelling, not 80 bits with 17 digits"), "TTL h → :100"),
        new("APPEND STRLEN", "APPEND a xy → :2", "EXPIRE a 100 → :1", "APPEND a z → :3", "GET a → $3⏎xyz", "TTL a → :100", "STRLEN a → :3", "STRLEN b → :0", "APPEND b '' → :0", "EXISTS b → :1"),
        new("GETRANGE SETRANGE", "SET a 'Hello World' → +OK", "GETRANGE a 0 4 → $5⏎Hello", "GETRANGE a -5 -1 → $5⏎World", "GETRANGE a 5 3 → $0⏎", "GETRANGE a -3 -5 → $0⏎", "GETRANGE a 0 100 → $11⏎Hello World", "GETRANGE a -100 0 → $1⏎H", "SUBSTR a 1 2 → $2⏎el", "GETRANGE b 0 1 → $0⏎",
            "SETRANGE a 6 Redis → :11", "GET a → $11⏎Hello Redis", "SETRANGE c 3 x → :4", "GET c → $4⏎\0\0\0x", "SETRANGE d 0 '' → :0", "EXISTS d → :0", "SETRANGE a -1 x → -ERR offset is out of range", "SETRANGE a 600000000 x → -ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
    ];
}
