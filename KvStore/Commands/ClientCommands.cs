using System.Globalization;
using FeedMall.KvStore.Network;
using FeedMall.KvStore.Protocol;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>CLIENT: who is connected.</summary>
internal static class ClientCommands
{
    public static IEnumerable<Command> Rows => [new("client", -2, Admin, Run)];

    public static ReadOnlySpan<byte> BadName => "ERR Client names cannot contain spaces, newlines or special characters."u8;

    /// <summary>Whether a client may be called so: printable, without blanks, so that it fits into a line of CLIENT LIST.</summary>
    public static bool IsName(ReadOnlySpan<byte> name) => !name.ContainsAnyExceptInRange((byte)'!', (byte)'~');

    private static void Run(CommandContext c)
    {
        var (name, least, most, action) = Find(c);
        if (action is null) c.UnknownSubcommand();
        else if (c.Count < least || c.Count > most) c.WrongArity("client|" + name);
        else action(c);
    }

    private static (string Name, int Least, int Most, CommandAction? Action) Find(CommandContext c)
    {
        (string Name, int Least, int Most, CommandAction Action)[] known =
        [
            ("id", 2, 2, c => c.Reply.Integer(c.Client.Id)),
            ("getname", 2, 2, GetName),
            ("setname", 3, 3, SetName),
            ("setinfo", 4, 4, SetInfo),
            ("list", 2, int.MaxValue, List),
            ("info", 2, 2, c => c.Reply.Verbatim(Line(c.Client, c) + "\n")),
            ("kill", 3, int.MaxValue, Kill),
            ("no-evict", 3, 3, c => Switch(c, on => c.Client.NoEvict = on)),
            ("no-touch", 3, 3, c => Switch(c, _ => { })),
            ("getredir", 2, 2, c => c.Reply.Integer(-1)),
            ("help", 2, 2, Help),
        ];
        return Array.Find(known, entry => c.Is(1, entry.Name));
    }

    private static void Help(CommandContext c)
    {
        c.Reply.Array(1);
        c.Reply.Simple("CLIENT ID|GETNAME|SETNAME <name>|SETINFO LIB-NAME|LIB-VER <text>|LIST [ID <id> ...]|INFO|KILL <address>|KILL ID|ADDR <which>|NO-EVICT ON|OFF|NO-TOUCH ON|OFF|GETREDIR"u8);
    }

    private static void GetName(CommandContext c)
    {
        if (c.Client.Name.Length == 0) c.Reply.Nil();
        else c.Reply.Bulk(c.Client.Name);
    }

    private static void SetName(CommandContext c)
    {
        if (!IsName(c[2]))
        {
            c.Reply.Error(BadName);
            return;
        }
        c.Client.Name = c.Text(2);
        c.Reply.Ok();
    }

    private static void SetInfo(CommandContext c)
    {
        if (!IsName(c[3]))
        {
            c.Reply.Error($"ERR {c.Beginning(2, 64)} cannot contain spaces, newlines or special characters.");
            return;
        }
        if (c.Is(2, "lib-name")) c.Client.LibraryName = c.Text(3);
        else if (c.Is(2, "lib-ver")) c.Client.LibraryVersion = c.Text(3);
        else
        {
            c.Reply.Error($"ERR Unrecognized option '{c.Beginning(2, 64)}'");
            return;
        }
        c.Reply.Ok();
    }

    private static void Switch(CommandContext c, Action<bool> set)
    {
        if (!c.Is(2, "on") && !c.Is(2, "off"))
        {
            c.Reply.Error(Errors.Syntax);
            return;
        }
        set(c.Is(2, "on"));
        c.Reply.Ok();
    }

    private static void List(CommandContext c)
    {
        var wanted = new HashSet<long>();
        if (c.Count > 2)
        {
            if (!c.Is(2, "id") || c.Count == 3)
            {
                c.Reply.Error(Errors.Syntax);
                return;
            }
            for (var i = 3; i < c.Count; i++)
            {
                if (!Numbers.TryParseInteger(c[i], out var id) || id < 1)
                {
                    c.Reply.Error("ERR Invalid client ID"u8);
                    return;
                }
                wanted.Add(id);
            }
        }
        var lines = c.Engine.Clients.All.Where(client => wanted.Count == 0 || wanted.Contains(client.Id)).OrderBy(client => client.Id);
        c.Reply.Verbatim(string.Concat(lines.Select(client => Line(client, c) + "\n")));
    }

    private static void Kill(CommandContext c)
    {
        var isOld = c.Count == 3;
        Client[] found;
        if (isOld || (c.Count == 4 && c.Is(2, "addr")))
        {
            var address = c.Text(c.Count - 1);
            found = [.. c.Engine.Clients.All.Where(client => client.Address == address)];
        }
        else if (c.Count == 4 && c.Is(2, "id"))
        {
            if (!Numbers.TryParseInteger(c[3], out var id) || id < 1)
            {
                c.Reply.Error("ERR client-id should be greater than 0"u8);
                return;
            }
            found = c.Engine.Clients.Find(id) is { } client ? [client] : [];
        }
        else
        {
            c.Reply.Error(Errors.Syntax);
            return;
        }
        foreach (var client in found) End(client, c);
        if (!isOld) c.Reply.Integer(found.Length);
        else if (found.Length == 0) c.Reply.Error("ERR No such client"u8);
        else c.Reply.Ok();
    }

    // Who ends itself gets its answer first.
    private static void End(Client client, CommandContext c)
    {
        if (client == c.Client) client.IsClosing = true;
        else client.Abort();
    }

    private static string Line(Client client, CommandContext c)
    {
        var now = c.Engine.Clock.ElapsedMs;
        return string.Create(CultureInfo.InvariantCulture,
            $"id={client.Id} addr={client.Address} laddr={client.LocalAddress} fd=-1 name={client.Name} age={(now - client.ConnectedMs) / 1000} "
            + $"idle={(now - client.LastActiveMs) / 1000} flags={Flags(client)} db={client.Database} sub={client.Names(isPattern: false).Count} psub={client.Names(isPattern: true).Count} ssub=0 multi={client.Transaction?.Count ?? -1} "
            + $"tot-mem={client.BufferBytes} cmd={client.LastCommand} user=default redir=-1 resp={client.Reply.Protocol} lib-name={client.LibraryName} lib-ver={client.LibraryVersion}");
    }

    private static string Flags(Client client)
    {
        var flags = (client.Subscriptions > 0 ? "P" : "") + (client.Transaction is null ? "" : "x") + (client.NoEvict ? "e" : "");
        return flags.Length == 0 ? "N" : flags;
    }
}
