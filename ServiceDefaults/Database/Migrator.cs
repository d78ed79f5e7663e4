using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Dapper;

namespace FeedMall.ServiceDefaults.Database;

/// <summary>
/// Brings a database to the schema that the code expects: runs the numbered SQL scripts (embedded as Migrations/NNN_name.sql) that
/// have not run yet, each in one transaction with the row that records it.
/// </summary>
public static class Migrator
{
    // Only one process migrates a PostgreSQL database at a time; any constant will do.
    private const long PostgresLockKey = 0x46_65_65_64_4D_61_6C_6C;

    /// <summary>Runs what has not run yet; returns the names of the scripts it ran.</summary>
    /// <exception cref="StartException">A script that ran before is gone: the database is newer than this program.</exception>
    public static async Task<IReadOnlyList<string>> MigrateAsync(
        ServiceDatabase database, Assembly scriptsIn, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (!database.IsPostgres) await UseWriteAheadLogAsync(database, cancellationToken);
        return await database.WriteAsync(async (connection, transaction) =>
        {
            if (database.IsPostgres)
                await connection.ExecuteAsync("SELECT pg_advisory_xact_lock(@PostgresLockKey)", new { PostgresLockKey }, transaction);
            await connection.ExecuteAsync(
                "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, ran_at_ms BIGINT NOT NULL)",
                transaction: transaction);
            return await RunPendingAsync(connection, transaction, Scripts(scriptsIn), clock);
        }, cancellationToken);
    }

    private static async Task<IReadOnlyList<string>> RunPendingAsync(
        DbConnection connection, DbTransaction transaction, SortedDictionary<long, (string Name, string Sql)> scripts, TimeProvider clock)
    {
        var done = (await connection.QueryAsync<long>("SELECT number FROM schema_migrations", transaction: transaction)).ToHashSet();
        if (done.Except(scripts.Keys).ToArray() is { Length: > 0 } unknown)
            throw new StartException(
                $"The database has migration {unknown.Max()}, which this program does not know: it belongs to a newer version. Start that version.");
        var ran = new List<string>();
        foreach (var (number, (name, sql)) in scripts)
        {
            if (done.Contains(number)) continue;
            await connection.ExecuteAsync(sql, transaction: transaction);
            await connection.ExecuteAsync(
                "INSERT INTO schema_migrations (number, name, ran_at_ms) VALUES (@number, @name, @ranAt)",
                new { number, name, ranAt = clock.GetUtcNow().ToUnixTimeMilliseconds() }, transaction);
            ran.Add(name);
        }
        return ran;
    }

    // Stays in the file; it cannot be set inside a transaction.
    private static Task UseWriteAheadLogAsync(ServiceDatabase database, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.ExecuteAsync("PRAGMA journal_mode=WAL"), cancellationToken);

    private static SortedDictionary<long, (string Name, string Sql)> Scripts(Assembly assembly)
    {
        var scripts = new SortedDictionary<long, (string, string)>();
        foreach (var resource in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal)))
        {
            // "Domain.Feed.Migrations.001_users.sql" → "001_users"
            var name = resource[..^4].Split('.')[^1];
            var number = long.Parse(name.Split('_')[0], NumberStyles.None, CultureInfo.InvariantCulture);
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            scripts.Add(number, (name, reader.ReadToEnd()));
        }
        return scripts;
    }
}
