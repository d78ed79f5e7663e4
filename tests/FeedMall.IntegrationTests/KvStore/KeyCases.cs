namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Keys, expiries, walking through them.</summary>
internal static class KeyCases
{
    public static IEnumerable<RespCase> All =>
    [
        new("DEL UNLINK EXISTS TOUCH", "MSET a 1 b 2 c 3 → +OK", "EXISTS a a x → :2", "TOUCH a b x → :2", "DEL a x → :1", "UNLINK b b → :1", "EXISTS a b c → :1", "DEL → -ERR wrong number of arguments for 'del' command", "DBSIZE → :1"),
        new("TYPE", "TYPE a → +none", "SET a 1 → +OK", "TYPE a → +string"),
        new("EXPIRE and TTL", "EXPIRE a 10 → :0", "TTL a → :-2", "PTTL a → :-2", "EXPIRETIME a → :-2", "SET a 1 → +OK", "TTL a → :-1", "PTTL a → :-1", "EXPIRETIME a → :-1", "PEXPIRETIME a → :-1", "EXPIRE a 100 → :1", "TTL a → :100", "PEXPIRE a 1400 → :1", "TTL a → :1", "PEXPIRE a 1700 → :1", "TTL a → :2",
            "EXPIREAT a 4000000000 → :1", "EXPIRETIME a → :4000000000", "PEXPIRETIME a → :4000000000000", "PERSIST a → :1", "PERSIST a → :0", "PERSIST x → :0", "TTL a → :-1"),
        new("EXPIRE in the past deletes", "MSET a 1 b 1 c 1 → +OK", "EXPIRE a -1 → :1", "EXISTS a → :0", "EXPIRE b 0 → :1", "EXPIREAT c 1 → :1", "DBSIZE → :0"),
        new("EXPIRE's conditions", "SET a 1 → +OK", "EXPIRE a 100 XX → :0", "EXPIRE a 100 GT → :0", "EXPIRE a 100 LT → :1", "EXPIRE a 200 LT → :0", "EXPIRE a 50 GT → :0", "EXPIRE a 200 GT → :1", "EXPIRE a 10 NX → :0", "EXPIRE a 300 XX → :1", "TTL a → :300", "PERSIST a → :1", "EXPIRE a 10 NX → :1", "EXPIRE a 5 XX LT → :1",
            "EXPIRE a 10 NX XX → -ERR NX and XX, GT or LT options at the same time are not compatible", "EXPIRE a 10 GT LT → -ERR GT and LT options at the same time are not compatible", "EXPIRE a 10 ZZ → -ERR Unsupported option ZZ",
            "EXPIRE a 9223372036854775807 → -ERR invalid expire time in 'expire' command", "PEXPIRE a 9223372036854775807 → -ERR invalid expire time in 'pexpire' command", "EXPIRE a -9223372036854775808 → -ERR invalid expire time in 'expire' command", "EXPIRE a x → -ERR value is not an integer or out of range"),
        new("an expired key is gone for everybody", "SET a 1 PX 1 → +OK", "raw PING\r\n → +PONG", new("KVTEST-WAIT 20", ""), "GET a → $-1", "INCR a → :1", "TTL a → :-1"),
        new("RENAME", "RENAME a b → -ERR no such key", "SET a 1 EX 100 → +OK", "RENAME a b → +OK", "GET b → $1⏎1", "TTL b → :100", "EXISTS a → :0", "SET c 3 → +OK", "RENAMENX b c → :0", "RENAMENX b d → :1", "RENAME d d → +OK", "RENAMENX d d → :0", "GET d → $1⏎1", "RENAME c d → +OK", "GET d → $1⏎3", "TTL d → :-1"),
        new("COPY MOVE", "SET a 1 EX 100 → +OK", "COPY a b → :1", "TTL b → :100", "COPY a b → :0", "SET a 2 → +OK", "COPY a b REPLACE → :1", "GET b → $1⏎2", "COPY a a → -ERR source and destination objects are the same", "COPY x y → :0", "COPY a b DB 16 → -ERR DB index is out of range", "COPY a b DB 1 → :1", "MOVE a 1 → :1", "EXISTS a → :0", "SELECT 1 → +OK", "MGET a b → *2⏎$1⏎2⏎$1⏎2"),
        new("databases", "SET a 0 → +OK", "SELECT 15 → +OK", "GET a → $-1", "SET a 15 → +OK", "DBSIZE → :1", "SELECT 16 → -ERR DB index is out of range", "SELECT -1 → -ERR DB index is out of range", "SELECT x → -ERR value is not an integer or out of range", "SWAPDB 0 15 → +OK", "GET a → $1⏎0", "FLUSHDB → +OK", "DBSIZE → :0", "SELECT 0 → +OK", "GET a → $2⏎15", "FLUSHALL ASYNC → +OK", "DBSIZE → :0", "FLUSHALL FOO → -ERR syntax error", "FLUSHDB SYNC → +OK"),
        new("KEYS and patterns", "MSET hello 1 hallo 1 hxllo 1 → +OK", "KEYS h?llx → *0", "KEYS h[^ae]llo → *1⏎$5⏎hxllo", "KEYS h[a-b]llo → *1⏎$5⏎hallo", "KEYS he* → *1⏎$5⏎hello", "KEYS h\\allo → *1⏎$5⏎hallo", "KEYS *x* → *1⏎$5⏎hxllo"),
        new("SCAN", "SCAN x → -ERR invalid cursor", "SCAN 0 COUNT 0 → -ERR syntax error", "SCAN 0 COUNT x → -ERR value is not an integer or out of range", "SCAN 0 MATCH → -ERR syntax error", "SCAN 0 → *2⏎$1⏎0⏎*0", "SET a 1 → +OK", "SCAN 0 COUNT 1000 → *2⏎$1⏎0⏎*1⏎$1⏎a", "SCAN 0 COUNT 1000 MATCH b* → *2⏎$1⏎0⏎*0", "SCAN 0 COUNT 1000 TYPE hash → *2⏎$1⏎0⏎*0", "SCAN 0 COUNT 1000 TYPE string → *2⏎$1⏎0⏎*1⏎$1⏎a"),
        new("RANDOMKEY OBJECT", "RANDOMKEY → $-1", "SET a 1 → +OK", "RANDOMKEY → $1⏎a", "OBJECT ENCODING a → $3⏎int", "SET a abc → +OK", "OBJECT ENCODING a → $6⏎embstr", "OBJECT REFCOUNT a → :1", "OBJECT IDLETIME a → :0", "OBJECT ENCODING x → $-1", "OBJECT FOO a → -ERR unknown subcommand 'FOO'. Try OBJECT HELP.",
            "OBJECT FREQ a → -ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.", "MEMORY USAGE x → $-1", "MEMORY USAGE a → ~:\\d+⏎"),
    ];
}
