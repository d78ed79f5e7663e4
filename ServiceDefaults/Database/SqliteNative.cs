using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace FeedMall.ServiceDefaults.Database;

/// <summary>Binds the SQLite provider to the system's own library, which the distribution patches.</summary>
internal static class SqliteNative
{
    private static readonly string[] Names = ["libsqlite3.so.0", "libsqlite3.so", "libsqlite3.dylib", "winsqlite3", "e_sqlite3"];

    // Runs once per process however many databases are opened; the resolver can only be set once per assembly.
    private static readonly Lazy<bool> Loaded = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        return true;
    });

    /// <summary>Makes SQLite usable in this process.</summary>
    public static void Load() => _ = Loaded.Value;

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name != "e_sqlite3") return 0;
        foreach (var candidate in Names)
        {
            if (NativeLibrary.TryLoad(candidate, assembly, searchPath, out var handle)) return handle;
        }
        throw new DllNotFoundException("No SQLite library was found. On Debian and Ubuntu: apt-get install libsqlite3-0. Or set the database to PostgreSQL.");
    }
}
