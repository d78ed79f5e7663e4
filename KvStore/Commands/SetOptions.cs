using FeedMall.KvStore.Data;

namespace FeedMall.KvStore.Commands;

/// <summary>The words behind SET key value and GETEX key.</summary>
internal struct SetOptions
{
    public bool IfAbsent, IfPresent, Get, KeepExpiry, Persist, HasExpiry;
    public long ExpireAt;

    /// <summary>Reads [NX|XX] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]; replies when it cannot.</summary>
    public static bool TryRead(CommandContext c, out SetOptions options)
    {
        options = new SetOptions { ExpireAt = Database.Never };
        var expiry = 0;
        for (var i = 3; i < c.Count; i++)
        {
            if (c.Is(i, "nx") && !options.IfPresent) options.IfAbsent = true;
            else if (c.Is(i, "xx") && !options.IfAbsent) options.IfPresent = true;
            else if (c.Is(i, "get")) options.Get = true;
            else if (c.Is(i, "keepttl") && expiry == 0) options.KeepExpiry = true;
            else if (IsUnit(c, i) && i + 1 < c.Count && expiry == 0 && !options.KeepExpiry) expiry = i++;
            else return Fail(c);
        }
        return expiry == 0 || TryReadExpiry(c, expiry, ref options);
    }

    /// <summary>Reads [EX s|PX ms|EXAT s|PXAT ms|PERSIST]; replies when it cannot.</summary>
    public static bool TryReadForGetEx(CommandContext c, out SetOptions options)
    {
        options = new SetOptions { ExpireAt = Database.Never };
        if (c.Count == 2) return true;
        options.Persist = c.Count == 3 && c.Is(2, "persist");
        if (options.Persist) return true;
        return c.Count == 4 && IsUnit(c, 2) ? TryReadExpiry(c, 2, ref options) : Fail(c);
    }

    private static bool IsUnit(CommandContext c, int at) => c.Is(at, "ex") || c.Is(at, "px") || c.Is(at, "exat") || c.Is(at, "pxat");

    private static bool TryReadExpiry(CommandContext c, int at, ref SetOptions options)
    {
        options.HasExpiry = true;
        return Expiry.TryRead(c, at + 1, (c[at][0] | 0x20) == 'e' ? 1000 : 1, isRelative: c[at].Length == 2, out options.ExpireAt);
    }

    private static bool Fail(CommandContext c)
    {
        c.Reply.Error(Errors.Syntax);
        return false;
    }
}
