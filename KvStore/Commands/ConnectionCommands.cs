using System.Security.Cryptography;
using FeedMall.KvStore.Data;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>The connection itself: greeting, password, database.</summary>
internal static class ConnectionCommands
{
    /// <summary>The version whose behaviour this server has. Clients choose their commands by it.</summary>
    public const string RedisVersion = "7.0.15";

    public static IEnumerable<Command> Rows =>
    [
        new("ping", -1, Fast | Subscriber, Ping),
        new("echo", 2, Fast, c => c.Reply.Bulk(c[1])),
        new("quit", -1, Fast | NoAuth | Subscriber | NoMulti, Quit),
        new("reset", 1, Fast | NoAuth | Subscriber | NoMulti, Reset),
        new("select", 2, Fast, Select),
        new("hello", -1, Fast | NoAuth, Hello),
        new("auth", -2, Fast | NoAuth, Auth),
    ];

    private static void Ping(CommandContext c)
    {
        if (c.Count > 2)
        {
            c.WrongArity("ping");
            return;
        }
        if (c.Client.OnlyListens)
        {
            c.Reply.Array(2);
            c.Reply.Bulk("pong"u8);
            c.Reply.Bulk(c.Count == 2 ? c[1] : []);
        }
        else if (c.Count == 2) c.Reply.Bulk(c[1]);
        else c.Reply.Simple("PONG"u8);
    }

    private static void Quit(CommandContext c)
    {
        c.Reply.Ok();
        c.Client.IsClosing = true;
    }

    private static void Reset(CommandContext c)
    {
        c.Client.LetGo();
        (c.Client.Database, c.Client.Name, c.Reply.Protocol) = (0, "", 2);
        c.Client.IsStranger = c.Engine.Settings.Password.Length > 0;
        c.Reply.Simple("RESET"u8);
    }

    private static void Select(CommandContext c)
    {
        if (!c.TryInteger(1, out var number)) return;
        if (number is < 0 or >= Keyspace.DatabaseCount)
        {
            c.Reply.Error(Errors.DatabaseRange);
            return;
        }
        c.Client.Database = (int)number;
        c.Reply.Ok();
    }

    private static void Auth(CommandContext c)
    {
        if (c.Count > 3)
        {
            c.Reply.Error(Errors.Syntax);
            return;
        }
        if (c.Engine.Settings.Password.Length == 0 && c.Count == 2)
        {
            c.Reply.Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"u8);
            return;
        }
        if (TryLogIn(c, user: c.Count == 3 ? 1 : 0, password: c.Count - 1)) c.Reply.Ok();
    }

    // There is one user, "default"; without a password anything is right for it, as in Redis.
    private static bool TryLogIn(CommandContext c, int user, int password)
    {
        var expected = c.Engine.Settings.Password;
        var isKnown = user == 0 || c[user].SequenceEqual("default"u8);
        if (isKnown && (expected.Length == 0 || CryptographicOperations.FixedTimeEquals(SHA256.HashData(c[password]), SHA256.HashData(expected))))
        {
            c.Client.IsStranger = false;
            return true;
        }
        c.Reply.Error("WRONGPASS invalid username-password pair or user is disabled."u8);
        return false;
    }

    private static void Hello(CommandContext c)
    {
        var protocol = (long)c.Reply.Protocol;
        if (c.Count > 1)
        {
            if (!Protocol.Numbers.TryParseInteger(c[1], out protocol))
            {
                c.Reply.Error("ERR Protocol version is not an integer or out of range"u8);
                return;
            }
            if (protocol is not (2 or 3))
            {
                c.Reply.Error("NOPROTO unsupported protocol version"u8);
                return;
            }
        }
        if (!TryReadHello(c, out var user, out var name)) return;
        if (user > 0 && !TryLogIn(c, user, user + 1)) return;
        if (c.Client.IsStranger)
        {
            c.Reply.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"u8);
            return;
        }
        if (name > 0) c.Client.Name = c.Text(name);
        c.Reply.Protocol = (int)protocol;
        Greet(c);
    }

    // [AUTH user password] [SETNAME name]: the places of the user and the name; 0: not given.
    private static bool TryReadHello(CommandContext c, out int user, out int name)
    {
        (user, name) = (0, 0);
        for (var i = 2; i < c.Count; i++)
        {
            if (c.Is(i, "auth") && i + 2 < c.Count)
            {
                user = i + 1;
                i += 2;
            }
            else if (c.Is(i, "setname") && i + 1 < c.Count)
            {
                name = ++i;
                if (!ClientCommands.IsName(c[name]))
                {
                    c.Reply.Error(ClientCommands.BadName);
                    return false;
                }
            }
            else
            {
                c.Reply.Error($"ERR Syntax error in HELLO option '{c.Beginning(i, 128)}'");
                return false;
            }
        }
        return true;
    }

    private static void Greet(CommandContext c)
    {
        c.Reply.Map(7);
        c.Reply.Bulk("server"u8);
        c.Reply.Bulk("redis"u8);
        c.Reply.Bulk("version"u8);
        c.Reply.Bulk(RedisVersion);
        c.Reply.Bulk("proto"u8);
        c.Reply.Integer(c.Reply.Protocol);
        c.Reply.Bulk("id"u8);
        c.Reply.Integer(c.Client.Id);
        c.Reply.Bulk("mode"u8);
        c.Reply.Bulk("standalone"u8);
        c.Reply.Bulk("role"u8);
        c.Reply.Bulk("master"u8);
        c.Reply.Bulk("modules"u8);
        c.Reply.Array(0);
    }
}
