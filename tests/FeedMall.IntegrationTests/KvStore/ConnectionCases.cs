namespace FeedMall.IntegrationTests.KvStore;

/// <summary>The protocol, the connection and the server.</summary>
internal static class ConnectionCases
{
    private const string Closed = " → " + RespConnection.Closed;

    private const string SetInfo = "Redis has it since 7.2, and newer clients send it when they connect";

    public static IEnumerable<RespCase> All =>
    [
        new("PING ECHO QUIT", "PING → +PONG", "PING hi → $2⏎hi", "PING a b → -ERR wrong number of arguments for 'ping' command", "ECHO 'a b' → $3⏎a b", "ECHO → -ERR wrong number of arguments for 'echo' command", "QUIT → +OK", "raw PING\r\n" + Closed),
        new("unknown commands", "FOO bar baz → -ERR unknown command 'FOO', with args beginning with: 'bar' 'baz' ", "foo → -ERR unknown command 'foo', with args beginning with: ", "CLIENT FOO → -ERR unknown subcommand 'FOO'. Try CLIENT HELP.", "CONFIG FOO → -ERR unknown subcommand 'FOO'. Try CONFIG HELP.", "CLIENT SETNAME → -ERR wrong number of arguments for 'client|setname' command"),
        new("inline commands", "raw PING\r\n → +PONG", "raw ping\n → +PONG", "raw \r\n\r\nPING\r\n → +PONG", "raw   SET  a   \"x\\n\\x41 y\"  \r\n → +OK", "raw GET a\r\n → $5⏎x\nA y", "raw ECHO 'it\\'s'\r\n → $4⏎it's", "raw ECHO \"\"\r\n → $0⏎"),
        new("empty commands are passed over", "raw *0\r\n*-1\r\nPING\r\n → +PONG"),
        new("pipelined commands are answered in order", "raw *1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$1\r\na\r\nPING\r\n → +PONG", new("raw ", "$1⏎a"), new("raw ", "+PONG")),
        new("quotes that are not closed", "raw ECHO \"a\r\n → -ERR Protocol error: unbalanced quotes in request", "raw PING\r\n" + Closed),
        new("quotes in the middle of a word", "raw ECHO \"a\"b\r\n → -ERR Protocol error: unbalanced quotes in request", "raw PING\r\n" + Closed),
        new("a count that is none", "raw *abc\r\n → -ERR Protocol error: invalid multibulk length", "raw PING\r\n" + Closed),
        new("a count that is too large", "raw *2147483648\r\n → -ERR Protocol error: invalid multibulk length", "raw PING\r\n" + Closed),
        new("an argument without its length", "raw *1\r\n:4\r\n → -ERR Protocol error: expected '$', got ':'", "raw PING\r\n" + Closed),
        new("a length that is none", "raw *1\r\n$x\r\n → -ERR Protocol error: invalid bulk length", "raw PING\r\n" + Closed),
        new("a length below zero", "raw *1\r\n$-1\r\n → -ERR Protocol error: invalid bulk length", "raw PING\r\n" + Closed),
        new("a length that is too large", "raw *1\r\n$536870913\r\n → -ERR Protocol error: invalid bulk length", "raw PING\r\n" + Closed),
        new("a line that is too long", new RespStep("raw " + new string('a', 66_000), "-ERR Protocol error: too big inline request"), "raw PING\r\n" + Closed),
        new("a count that never ends", new RespStep("raw *" + new string('1', 66_000), "-ERR Protocol error: too big mbulk count string"), "raw PING\r\n" + Closed),
        new("what was right before an error is answered", "raw PING\r\n*x\r\n → +PONG", new("raw ", "-ERR Protocol error: invalid multibulk length"), "raw PING\r\n" + Closed),
        new("no line end behind an argument", new RespStep("raw *2\r\n$4\r\nECHO\r\n$2\r\nhiXX", "$2⏎hi", "-ERR Protocol error: expected CRLF after bulk", "Redis skips the two bytes unread")),
        new("HTTP is not answered", "raw GET / HTTP/1.1\r\nHost: a\r\n\r\n" + Closed),
        new("POST is not answered", "raw POST / HTTP/1.1\r\n" + Closed),
        new("HELLO", "HELLO 4 → -NOPROTO unsupported protocol version", "HELLO x → -ERR Protocol version is not an integer or out of range", "HELLO 3 FOO → -ERR Syntax error in HELLO option 'FOO'", "HELLO → ~\\*14⏎\\$6⏎server⏎\\$5⏎redis⏎\\$7⏎version⏎\\$6⏎7\\.0\\.15⏎\\$5⏎proto⏎:2⏎\\$2⏎id⏎:\\d+⏎\\$4⏎mode⏎\\$10⏎standalone⏎\\$4⏎role⏎\\$6⏎master⏎\\$7⏎modules⏎\\*0⏎",
            "HELLO 3 SETNAME me → ~%7⏎.*\\$5⏎proto⏎:3⏎.*", "GET a → _", "CLIENT GETNAME → $2⏎me", "CONFIG GET databases → %1⏎$9⏎databases⏎$2⏎16", "CLIENT INFO → ~=\\d+⏎txt:id=.*", "INFO replication → ~=\\d+⏎txt:# Replication⏎role:master⏎connected_slaves:0⏎.*", "HELLO 2 → ~\\*14⏎.*", "GET a → $-1"),
        new("AUTH without a password", "AUTH x → -ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?", "AUTH default x → +OK", "AUTH other x → -WRONGPASS invalid username-password pair or user is disabled.", "AUTH a b c → -ERR syntax error"),
        new("RESET", "HELLO 3 → ~%7⏎.*", "SELECT 5 → +OK", "CLIENT SETNAME me → +OK", "RESET → +RESET", "CLIENT GETNAME → $-1", "CLIENT INFO → ~\\$\\d+⏎id=.* db=0 .*"),
        new("CLIENT SETINFO",
            new RespStep("CLIENT SETINFO LIB-NAME lettuce", "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.", "+OK", SetInfo), new RespStep("CLIENT SETINFO lib-ver 1.2", "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.", "+OK", SetInfo),
            new RespStep("CLIENT SETINFO LIB-NAME 'a b'", "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.", "-ERR LIB-NAME cannot contain spaces, newlines or special characters.", SetInfo),
            new RespStep("CLIENT SETINFO colour red", "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.", "-ERR Unrecognized option 'colour'", SetInfo),
            new RespStep("CLIENT INFO", "~\\$\\d+⏎id=.*", "~\\$\\d+⏎id=.* lib-name=lettuce lib-ver=1.2⏎?\n?⏎", SetInfo)),
        new("CLIENT", "CLIENT ID → ~:\\d+⏎", "CLIENT GETNAME → $-1", "CLIENT SETNAME 'a b' → -ERR Client names cannot contain spaces, newlines or special characters.", "CLIENT SETNAME ab → +OK", "CLIENT GETNAME → $2⏎ab", "CLIENT LIST → ~\\$\\d+⏎id=\\d+ addr=127\\.0\\.0\\.1:\\d+ .*", "CLIENT KILL 1.2.3.4:5 → -ERR No such client", "CLIENT KILL ID 0 → -ERR client-id should be greater than 0", "CLIENT NO-EVICT ON → +OK", "CLIENT NO-EVICT X → -ERR syntax error"),
        new("SERVER", "CLUSTER NODES → -ERR This instance has cluster support disabled", "COMMAND COUNT → ~:\\d+⏎", "TIME → ~\\*2⏎\\$10⏎\\d+⏎\\$\\d⏎\\d+⏎", "WAIT 0 0 → :0", "INFO nosuch → $0⏎", "SLOWLOG LEN → ~:\\d+⏎", "SLOWLOG RESET → +OK", "SENTINEL MASTERS → -ERR unknown command 'SENTINEL', with args beginning with: 'MASTERS' "),
        new("CONFIG", "CONFIG GET timeout → *2⏎$7⏎timeout⏎$1⏎0", "CONFIG SET timeout 100 → +OK", "CONFIG GET timeout → *2⏎$7⏎timeout⏎$3⏎100", "CONFIG SET timeout 0 → +OK", "CONFIG GET nosuch → *0", "CONFIG SET nosuch 1 → -ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'", "CONFIG SET maxmemory 100mb → +OK", "CONFIG GET maxmemory → *2⏎$9⏎maxmemory⏎$9⏎104857600", "CONFIG SET maxmemory 0 → +OK", "CONFIG GET appendonly → *2⏎$10⏎appendonly⏎$2⏎no", "CONFIG RESETSTAT → +OK", "CONFIG GET → -ERR wrong number of arguments for 'config|get' command"),
        new("memory is full", "CONFIG SET maxmemory 1 → +OK", "SET a 1 → -OOM command not allowed when used memory > 'maxmemory'.", "GET a → $-1", "DEL a → :0", "CONFIG SET maxmemory 0 → +OK", "SET a 1 → +OK"),
    ];
}
