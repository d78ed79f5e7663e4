using Dapper;
using FeedMall.ServiceDefaults.Database;

namespace FeedMall.Domain.Feed.Users;

/// <summary>A row of the table users.</summary>
internal sealed record UserRow(long Id, string Name, string PasswordHash, long CreatedAtMs);

/// <summary>Users in the database. Names are unique regardless of case.</summary>
internal sealed class UserStore(ServiceDatabase database)
{
    private const string Columns = "id AS Id, name AS Name, password_hash AS PasswordHash, created_at_ms AS CreatedAtMs";

    /// <summary>Adds a user; false when the name is taken.</summary>
    public async Task<bool> TryAddAsync(UserRow user, CancellationToken cancellationToken) =>
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO users (id, name, name_key, password_hash, created_at_ms)
            VALUES (@Id, @Name, @NameKey, @PasswordHash, @CreatedAtMs)
            ON CONFLICT (name_key) DO NOTHING
            """,
            new { user.Id, user.Name, NameKey = KeyOf(user.Name), user.PasswordHash, user.CreatedAtMs },
            transaction, cancellationToken: cancellationToken)), cancellationToken) == 1;

    /// <summary>The user of this id, or null.</summary>
    public Task<UserRow?> FindAsync(long id, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QuerySingleOrDefaultAsync<UserRow>(new CommandDefinition(
            $"SELECT {Columns} FROM users WHERE id = @id", new { id }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>The user of this name, in any case, or null.</summary>
    public Task<UserRow?> FindByNameAsync(string name, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QuerySingleOrDefaultAsync<UserRow>(new CommandDefinition(
            $"SELECT {Columns} FROM users WHERE name_key = @key", new { key = KeyOf(name) }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>The users of these ids that exist, in any order.</summary>
    public Task<IEnumerable<UserRow>> ListAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QueryAsync<UserRow>(new CommandDefinition(
            $"SELECT {Columns} FROM users WHERE {database.AnyOf("id", "@ids")}", new { ids = ids.ToArray() }, cancellationToken: cancellationToken)),
            cancellationToken);

    /// <summary>Replaces the hash, for when the way of hashing has moved on.</summary>
    public Task SetPasswordHashAsync(long id, string passwordHash, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "UPDATE users SET password_hash = @passwordHash WHERE id = @id", new { id, passwordHash }, transaction,
            cancellationToken: cancellationToken)), cancellationToken);

    private static string KeyOf(string name) => name.ToLowerInvariant();
}
