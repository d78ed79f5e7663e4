namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Messages on one connection; between connections they stand in PubSubTests.</summary>
internal static class PubSubCases
{
    public static IEnumerable<RespCase> All =>
    [
        new("SUBSCRIBE and what is allowed then", "SUBSCRIBE a b → *3⏎$9⏎subscribe⏎$1⏎a⏎:1", new("raw ", "*3⏎$9⏎subscribe⏎$1⏎b⏎:2"), "SUBSCRIBE a → *3⏎$9⏎subscribe⏎$1⏎a⏎:2",
            "GET x → -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            "CONFIG GET x → -ERR Can't execute 'config|get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            "MULTI → -ERR Can't execute 'multi': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            "HELLO 3 → -ERR Can't execute 'hello': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", "FOO → -ERR unknown command 'FOO', with args beginning with: ",
            "GET → -ERR wrong number of arguments for 'get' command", "PING → *2⏎$4⏎pong⏎$0⏎", "PING hi → *2⏎$4⏎pong⏎$2⏎hi", "PUNSUBSCRIBE → *3⏎$12⏎punsubscribe⏎$-1⏎:2", "UNSUBSCRIBE a → *3⏎$11⏎unsubscribe⏎$1⏎a⏎:1",
            "UNSUBSCRIBE zz → *3⏎$11⏎unsubscribe⏎$2⏎zz⏎:1", "UNSUBSCRIBE → *3⏎$11⏎unsubscribe⏎$1⏎b⏎:0", "UNSUBSCRIBE → *3⏎$11⏎unsubscribe⏎$-1⏎:0", "GET x → $-1", "SUBSCRIBE → -ERR wrong number of arguments for 'subscribe' command"),
        new("PSUBSCRIBE and RESET", "PSUBSCRIBE n* m? → *3⏎$10⏎psubscribe⏎$2⏎n*⏎:1", new("raw ", "*3⏎$10⏎psubscribe⏎$2⏎m?⏎:2"), "SUBSCRIBE c → *3⏎$9⏎subscribe⏎$1⏎c⏎:3",
            "GET x → -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", "PUNSUBSCRIBE n* → *3⏎$12⏎punsubscribe⏎$2⏎n*⏎:2", "RESET → +RESET", "GET x → $-1", "PUBSUB NUMPAT → :0"),
        new("messages in RESP3 come before the reply", "HELLO 3 → ~%7⏎.*", "SUBSCRIBE c → >3⏎$9⏎subscribe⏎$1⏎c⏎:1", "PUBLISH c hi → >3⏎$7⏎message⏎$1⏎c⏎$2⏎hi", new("raw ", ":1"), "PSUBSCRIBE c* → >3⏎$10⏎psubscribe⏎$2⏎c*⏎:2", "PUBLISH c ho → >3⏎$7⏎message⏎$1⏎c⏎$2⏎ho",
            new("raw ", ">4⏎$8⏎pmessage⏎$2⏎c*⏎$1⏎c⏎$2⏎ho"), new("raw ", ":2"), "GET x → _", "PING → +PONG", "UNSUBSCRIBE zz → >3⏎$11⏎unsubscribe⏎$2⏎zz⏎:2", "UNSUBSCRIBE → >3⏎$11⏎unsubscribe⏎$1⏎c⏎:1",
            "PUNSUBSCRIBE → >3⏎$12⏎punsubscribe⏎$2⏎c*⏎:0", "PUNSUBSCRIBE → >3⏎$12⏎punsubscribe⏎_⏎:0", "PUBLISH c he → :0"),
        new("SUBSCRIBE in a transaction", "MULTI → +OK", "SUBSCRIBE a → +QUEUED", "PING → +QUEUED", "GET x → +QUEUED", "EXEC → *3⏎*3⏎$9⏎subscribe⏎$1⏎a⏎:1⏎*2⏎$4⏎pong⏎$0⏎⏎$-1",
            "GET x → -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", "UNSUBSCRIBE → *3⏎$11⏎unsubscribe⏎$1⏎a⏎:0", "GET x → $-1"),
        new("PUBSUB", "PUBSUB CHANNELS → *0", "PUBSUB CHANNELS a b → -ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.", "PUBSUB NUMSUB → *0", "PUBSUB NUMSUB a b → *4⏎$1⏎a⏎:0⏎$1⏎b⏎:0", "PUBSUB NUMPAT → :0",
            "PUBSUB NUMPAT x → -ERR wrong number of arguments for 'pubsub|numpat' command", "PUBSUB FOO → -ERR unknown subcommand 'FOO'. Try PUBSUB HELP.", "PUBSUB → -ERR wrong number of arguments for 'pubsub' command", "HELLO 3 → ~%7⏎.*",
            "SUBSCRIBE ab → >3⏎$9⏎subscribe⏎$2⏎ab⏎:1", "PUBSUB CHANNELS → *1⏎$2⏎ab", "PUBSUB CHANNELS a* → *1⏎$2⏎ab", "PUBSUB CHANNELS b* → *0", "PUBSUB NUMSUB ab b → *4⏎$2⏎ab⏎:1⏎$1⏎b⏎:0", "PSUBSCRIBE a* → >3⏎$10⏎psubscribe⏎$2⏎a*⏎:2",
            "PUBSUB NUMPAT → :1", "PUBSUB CHANNELS → *1⏎$2⏎ab"),
        new("nobody listens", "PUBLISH a b → :0", "PUBLISH a → -ERR wrong number of arguments for 'publish' command", "PUBLISH → -ERR wrong number of arguments for 'publish' command"),
    ];
}
