namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Transactions on one connection; what other connections do to them stands in TransactionTests.</summary>
internal static class TransactionCases
{
    public static IEnumerable<RespCase> All =>
    [
        new("MULTI EXEC DISCARD", "MULTI → +OK", "SET a 1 → +QUEUED", "INCR a → +QUEUED", "GET a → +QUEUED", "EXEC → *3⏎+OK⏎:2⏎$1⏎2", "GET a → $1⏎2", "MULTI → +OK", "SET a 9 → +QUEUED", "DISCARD → +OK", "GET a → $1⏎2", "MULTI → +OK", "EXEC → *0",
            "EXEC → -ERR EXEC without MULTI", "DISCARD → -ERR DISCARD without MULTI", "MULTI → +OK", "MULTI → -ERR MULTI calls can not be nested", "PING → +QUEUED", "EXEC → *1⏎+PONG"),
        new("errors inside EXEC do not undo the rest", "SET s x → +OK", "MULTI → +OK", "SET a 1 → +QUEUED", "INCR s → +QUEUED", "LPUSH s x → +QUEUED", "HSET h f v → +QUEUED", "SET a 2 NX XX → +QUEUED",
            "EXEC → *5⏎+OK⏎-ERR value is not an integer or out of range⏎-WRONGTYPE Operation against a key holding the wrong kind of value⏎:1⏎-ERR syntax error", "GET a → $1⏎1", "HGET h f → $1⏎v"),
        new("a command that cannot be queued ends in EXECABORT", "MULTI → +OK", "SET a 1 → +QUEUED", "FOO → -ERR unknown command 'FOO', with args beginning with: ", "EXEC → -EXECABORT Transaction discarded because of previous errors.", "GET a → $-1", "MULTI → +OK",
            "GET → -ERR wrong number of arguments for 'get' command", "SET a 1 → +QUEUED", "EXEC → -EXECABORT Transaction discarded because of previous errors.", "MULTI → +OK",
            "EXEC a → -EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command", "EXEC → -ERR EXEC without MULTI",
            "EXEC a → -EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command", "MULTI → +OK", "RESET x → -ERR wrong number of arguments for 'reset' command",
            "EXEC → -EXECABORT Transaction discarded because of previous errors."),
        new("WATCH", "WATCH a b → +OK", "SET a 1 → +OK", "MULTI → +OK", "SET c 1 → +QUEUED", "EXEC → *-1", "GET c → $-1", "WATCH a → +OK", "MULTI → +OK", "GET a → +QUEUED", "EXEC → *1⏎$1⏎1", "WATCH a → +OK", "SET a 2 → +OK", "UNWATCH → +OK",
            "MULTI → +OK", "GET a → +QUEUED", "EXEC → *1⏎$1⏎2", "WATCH a → +OK", "SET a 3 → +OK", "MULTI → +OK", "DISCARD → +OK", "MULTI → +OK", "GET a → +QUEUED", "EXEC → *1⏎$1⏎3", "MULTI → +OK",
            "WATCH a → -ERR WATCH inside MULTI is not allowed", "UNWATCH → +QUEUED", "EXEC → *1⏎+OK", "WATCH → -ERR wrong number of arguments for 'watch' command"),
        new("what counts as a change of a watched key", "SET s 1 → +OK", "RPUSH l a → :1", "SADD t a → :1", "HSET h a 1 → :1", "ZADD z 1 a → :1", "WATCH s l t h z → +OK", "GET s → $1⏎1", "SADD t a → :0", "ZADD z 1 a → :0", "HDEL h x → :0", "SREM t x → :0", "LREM l 0 x → :0",
            "EXPIRE no 1 → :0", "DEL no → :0", "SETNX s 9 → :0", "MULTI → +OK", "PING → +QUEUED", "EXEC → *1⏎+PONG", "WATCH t → +OK", "SADD t b → :1", "MULTI → +OK", "PING → +QUEUED", "EXEC → *-1", "WATCH l → +OK", "LPOP l → $1⏎a",
            "MULTI → +OK", "PING → +QUEUED", "EXEC → *-1", "WATCH h → +OK", "HSET h a 1 → :0", "MULTI → +OK", "PING → +QUEUED", "EXEC → *-1", "WATCH z → +OK", "ZINCRBY z 1 a → $1⏎2", "MULTI → +OK", "PING → +QUEUED", "EXEC → *-1",
            "WATCH s → +OK", "EXPIRE s 100 → :1", "MULTI → +OK", "PING → +QUEUED", "EXEC → *-1", "WATCH s → +OK", "PERSIST s → :1", "MULTI → +OK", "PING → +QUEUED", "EXEC → *-1", "WATCH s → +OK", "RENAME s q → +OK", "MULTI → +OK",
            "PING → +QUEUED", "EXEC → *-1", "WATCH q → +OK", "FLUSHALL → +OK", "MULTI → +OK", "PING → +QUEUED", "EXEC → *-1", "WATCH q → +OK", "FLUSHDB → +OK", "MULTI → +OK", "PING → +QUEUED", "EXEC → *1⏎+PONG", "WATCH new → +OK",
            "HSET new a 1 → :1", "MULTI → +OK", "PING → +QUEUED", "EXEC → *-1"),
        new("WATCH and databases", "SELECT 1 → +OK", "SET a 1 → +OK", "WATCH a → +OK", "SELECT 0 → +OK", "SET a 2 → +OK", "MULTI → +OK", "PING → +QUEUED", "EXEC → *1⏎+PONG", "WATCH a → +OK", "SELECT 1 → +OK", "FLUSHDB → +OK", "MULTI → +OK", "PING → +QUEUED",
            "EXEC → *1⏎+PONG", "WATCH a → +OK", "SWAPDB 0 1 → +OK", "MULTI → +OK", "PING → +QUEUED", "EXEC → *-1"),
        new("in a transaction the database can be changed", "MULTI → +OK", "SELECT 3 → +QUEUED", "SET a 1 → +QUEUED", "EXEC → *2⏎+OK⏎+OK", "GET a → $1⏎1", "DBSIZE → :1"),
        new("RESET ends a transaction", "WATCH a → +OK", "SET a 1 → +OK", "MULTI → +OK", "SET b 1 → +QUEUED", "RESET → +RESET", "EXEC → -ERR EXEC without MULTI", "MULTI → +OK", "GET b → +QUEUED", "EXEC → *1⏎$-1"),
        new("transactions in RESP3", "HELLO 3 → ~%7⏎.*", "MULTI → +OK", "HSET h a 1 → +QUEUED", "HGETALL h → +QUEUED", "GET x → +QUEUED", "EXEC → *3⏎:1⏎%1⏎$1⏎a⏎$1⏎1⏎_", "WATCH h → +OK", "HSET h b 2 → :1", "MULTI → +OK", "PING → +QUEUED", "EXEC → _"),
        new("memory is full in a transaction", "MULTI → +OK", "CONFIG SET maxmemory 1 → +QUEUED", "SET a 1 → +QUEUED", "EXEC → *2⏎+OK⏎+OK", "MULTI → +OK", "SET a 1 → -OOM command not allowed when used memory > 'maxmemory'.",
            "PING → -OOM command not allowed when used memory > 'maxmemory'.", "EXEC → -EXECABORT Transaction discarded because of previous errors.", "CONFIG SET maxmemory 0 → +OK", "MULTI → +OK", "PING → +QUEUED", "EXEC → *1⏎+PONG"),
    ];
}
