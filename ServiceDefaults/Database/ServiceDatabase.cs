using System.Data;
using System.Data.Common;
using FeedMall.Rpc.Errors;
using Grpc.Core;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace FeedMall.ServiceDefaults.Database;

/// <summary>
/// One service's database: a SQLite file, or PostgreSQL. SQL is written once for both: BIGINT for every whole number, TEXT for
/// text and JSON, Unix milliseconds for instants, ON CONFLICT and RETURNING; where they differ, ask <see cref="AnyOf"/> and <see cref="ForUpdate"/>.
/// </summary>
public sealed class ServiceDatabase : IAsyncDisposable
{
    private readonly string? _sqliteConnectionString;
    private readonly NpgsqlDataSource? _postgres;

    // SQLite has one writer at a time. Waiting here costs no thread; waiting inside SQLite would sleep on one.
    private readonly SemaphoreSlim _sqliteWriter = new(1, 1);

    private ServiceDatabase(string? sqliteConnectionString, NpgsqlDataSource? postgres)
    {
        _sqliteConnectionString = sqliteConnectionString;
        _postgres = postgres;
    }

    /// <summary>Whether this is PostgreSQL.</summary>
    public bool IsPostgres => _postgres is not null;

    /// <summary>
    /// A PostgreSQL connection string (it has ';', '=' or "://" in it) or the path of a SQLite file, whose folder is created.
    /// Relative paths start at <paramref name="dataDirectory"/>.
    /// </summary>
    public static ServiceDatabase Open(string database, string dataDirectory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(database);
        if (IsConnectionString(database)) return new(null, NpgsqlDataSource.Create(database));

        SqliteNative.Load();
        var path = Path.GetFullPath(database, Path.GetFullPath(dataDirectory));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            ForeignKeys = true,
            DefaultTimeout = 5,
        }.ToString();
        return new(connectionString, null);
    }

    /// <summary>Whether the text is a file name, or a connection string that Npgsql understands. Says no more, as the text may hold a password.</summary>
    public static bool CanOpen(string database)
    {
        if (!IsConnectionString(database)) return !string.IsNullOrWhiteSpace(database);
        try
        {
            NpgsqlDataSource.Create(database).Dispose(); // connects to nothing yet
            return true;
        }
        catch (Exception malformed) when (malformed is ArgumentException or FormatException or InvalidOperationException or NotSupportedException)
        {
            return false;
        }
    }

    private static bool IsConnectionString(string database) =>
        database.AsSpan().ContainsAny(';', '=') || database.Contains("://", StringComparison.Ordinal);

    /// <summary>A condition "column is one of the array parameter", in this database's words.</summary>
    public string AnyOf(string column, string parameter) => IsPostgres ? $"{column} = ANY({parameter})" : $"{column} IN {parameter}";

    /// <summary>
    /// The end of a SELECT inside <see cref="WriteAsync"/> that locks the rows it finds until the transaction ends, in this database's words.
    /// SQLite needs none: there the transaction has the whole database to itself.
    /// </summary>
    public string ForUpdate => IsPostgres ? "FOR UPDATE" : "";

    /// <summary>Runs statements that only read.</summary>
    /// <exception cref="ServiceException">UNAVAILABLE / UPSTREAM_ERROR: the database cannot be reached just now.</exception>
    public async Task<T> ReadAsync<T>(Func<DbConnection, Task<T>> read, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await ConnectAsync(cancellationToken);
            return await read(connection);
        }
        catch (DbException lost) when (IsPassing(lost, cancellationToken))
        {
            throw Unavailable();
        }
    }

    /// <summary>Runs statements in one transaction: all of them take effect, or none when <paramref name="write"/> throws.</summary>
    /// <exception cref="ServiceException">UNAVAILABLE / UPSTREAM_ERROR: the database cannot be reached just now.</exception>
    public async Task<T> WriteAsync<T>(Func<DbConnection, DbTransaction, Task<T>> write, CancellationToken cancellationToken)
    {
        if (!IsPostgres) await _sqliteWriter.WaitAsync(cancellationToken);
        try
        {
            await using var connection = await ConnectAsync(cancellationToken);
            // Serializable makes SQLite take the write lock at once (BEGIN IMMEDIATE), so that no transaction fails half-way.
            await using var transaction = await connection.BeginTransactionAsync(
                IsPostgres ? IsolationLevel.ReadCommitted : IsolationLevel.Serializable, cancellationToken);
            var result = await write(connection, transaction);
            await transaction.CommitAsync(cancellationToken);
            return result;
        }
        catch (DbException lost) when (IsPassing(lost, cancellationToken))
        {
            throw Unavailable();
        }
        finally
        {
            if (!IsPostgres) _sqliteWriter.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_postgres is not null) await _postgres.DisposeAsync();
        if (_sqliteConnectionString is not null)
        {
            using var connection = new SqliteConnection(_sqliteConnectionString);
            SqliteConnection.ClearPool(connection);
        }
        _sqliteWriter.Dispose();
    }

    // A database that is away for a moment is no defect of ours, and its own words would name hosts and ports.
    private static bool IsPassing(DbException exception, CancellationToken cancellationToken) =>
        exception.IsTransient && !cancellationToken.IsCancellationRequested;

    private static ServiceException Unavailable() =>
        new(StatusCode.Unavailable, Reasons.UpstreamError, "The database does not answer just now: try again later.");

    internal async Task<DbConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_postgres is not null) return await OpenPostgresAsync(_postgres, cancellationToken);
        var connection = new SqliteConnection(_sqliteConnectionString);
        await connection.OpenAsync(cancellationToken);
        return connection;
    }

    // Now and then the driver misses a cancellation during its handshake and goes on for its own 15 s. The caller does not wait for that; what is opened
    // too late goes back.
    private static async Task<DbConnection> OpenPostgresAsync(NpgsqlDataSource postgres, CancellationToken cancellationToken)
    {
        var opening = postgres.OpenConnectionAsync(cancellationToken).AsTask();
        try
        {
            return await opening.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _ = GiveBackAsync(opening);
            throw;
        }
    }

    private static async Task GiveBackAsync(Task<NpgsqlConnection> opening)
    {
        try
        {
            await using var late = await opening;
        }
        catch (Exception failed) when (failed is DbException or OperationCanceledException or TimeoutException or ObjectDisposedException)
        {
            // There is nothing to give back, and nobody waits.
        }
    }
}
