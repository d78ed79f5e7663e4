using System.Data.Common;
using Dapper;
using FeedMall.ServiceDefaults.Database;

namespace FeedMall.Domain.Feed.Likes;

/// <summary>
/// Likes in the database. A post's like_count is always the number of its rows in likes: both change in one transaction, which locks the
/// post's row first, so likers of one post take turns and cannot deadlock.
/// </summary>
internal sealed class LikeStore(ServiceDatabase database, TimeProvider clock)
{
    /// <summary>Adds a like unless it is there; the post's likes then, or null when there is no such post.</summary>
    public Task<long?> AddAsync(long postId, long uid, CancellationToken cancellationToken) =>
        ChangeAsync(postId, (connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "INSERT INTO likes (post_id, uid, created_at_ms) VALUES (@postId, @uid, @now) ON CONFLICT (post_id, uid) DO NOTHING",
            new { postId, uid, now = clock.GetUtcNow().ToUnixTimeMilliseconds() }, transaction, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>Takes a like back if it is there; the post's likes then, or null when there is no such post.</summary>
    public Task<long?> CancelAsync(long postId, long uid, CancellationToken cancellationToken) =>
        ChangeAsync(postId, async (connection, transaction) => -await connection.ExecuteAsync(new CommandDefinition(
            "DELETE FROM likes WHERE post_id = @postId AND uid = @uid",
            new { postId, uid }, transaction, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>Which of these posts the user likes, in any order.</summary>
    public Task<IEnumerable<long>> ListLikedAsync(long uid, IReadOnlyCollection<long> postIds, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QueryAsync<long>(new CommandDefinition(
            $"SELECT post_id FROM likes WHERE uid = @uid AND {database.AnyOf("post_id", "@postIds")}",
            new { uid, postIds = postIds.ToArray() }, cancellationToken: cancellationToken)), cancellationToken);

    private Task<long?> ChangeAsync(long postId, Func<DbConnection, DbTransaction, Task<int>> change, CancellationToken cancellationToken) =>
        database.WriteAsync<long?>(async (connection, transaction) =>
        {
            var count = await connection.ExecuteScalarAsync<long?>(new CommandDefinition(
                $"SELECT like_count FROM posts WHERE id = @postId {database.ForUpdate}",
                new { postId }, transaction, cancellationToken: cancellationToken));
            if (count is null) return null;
            var by = await change(connection, transaction);
            if (by == 0) return count;
            return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
                "UPDATE posts SET like_count = like_count + @by WHERE id = @postId RETURNING like_count",
                new { postId, by = (long)by }, transaction, cancellationToken: cancellationToken));
        }, cancellationToken);
}
