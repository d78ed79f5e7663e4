using Dapper;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.ServiceDefaults.Database;
using FeedMall.ServiceDefaults.Validation;

namespace FeedMall.Domain.Feed.Posts;

/// <summary>A row of the table posts with its author's name.</summary>
internal sealed record PostRow(
    long Id, long Uid, string Title, string Content, long Type, string Media, long LikeCount, long CreatedAtMs, long UpdatedAtMs, long Version, string AuthorName)
{
    /// <summary>The row as the contract shows it.</summary>
    public Post ToPost()
    {
        var post = new Post
        {
            Id = Id,
            Uid = Uid,
            Title = Title,
            Content = Content,
            Type = (PostType)Type,
            LikeCount = LikeCount,
            CreatedAtMs = CreatedAtMs,
            UpdatedAtMs = UpdatedAtMs,
            Version = Version,
            Author = new PostAuthor { Uid = Uid, Name = AuthorName },
        };
        PostMedia.Read(Media, post);
        return post;
    }
}

/// <summary>Posts in the database.</summary>
internal sealed class PostStore(ServiceDatabase database)
{
    private const string Select =
        """
        SELECT p.id AS Id, p.uid AS Uid, p.title AS Title, p.content AS Content, p.type AS Type, p.media AS Media, p.like_count AS LikeCount,
               p.created_at_ms AS CreatedAtMs, p.updated_at_ms AS UpdatedAtMs, p.version AS Version, u.name AS AuthorName
        FROM posts p JOIN users u ON u.id = p.uid
        """;

    /// <summary>Adds a post; false when its author does not exist.</summary>
    public async Task<bool> TryAddAsync(PostRow post, CancellationToken cancellationToken) =>
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO posts (id, uid, title, content, type, media, created_at_ms, updated_at_ms)
            SELECT @Id, id, @Title, @Content, @Type, @Media, @CreatedAtMs, @UpdatedAtMs FROM users WHERE id = @Uid
            """,
            post, transaction, cancellationToken: cancellationToken)), cancellationToken) == 1;

    /// <summary>The post of this id, or null.</summary>
    public Task<PostRow?> FindAsync(long id, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QuerySingleOrDefaultAsync<PostRow>(new CommandDefinition(
            $"{Select} WHERE p.id = @id", new { id }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>The posts of these ids that exist, in any order.</summary>
    public Task<IEnumerable<PostRow>> ListAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QueryAsync<PostRow>(new CommandDefinition(
            $"{Select} WHERE {database.AnyOf("p.id", "@ids")}", new { ids = ids.ToArray() }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>One page, and one post more when there is a next page.</summary>
    public async Task<IReadOnlyList<PostRow>> ListAsync(PageQuery page, PostType type, long? uid, CancellationToken cancellationToken)
    {
        var hot = page.Sort == Sort.Hot;
        var where = hot ? "(p.like_count, p.id) < (@AfterScore, @AfterId)" : "p.id < @AfterId";
        if (type != PostType.Unspecified) where += " AND p.type = @type";
        if (uid is not null) where += " AND p.uid = @uid";
        var order = hot ? "p.like_count DESC, p.id DESC" : "p.id DESC";
        return (await database.ReadAsync(connection => connection.QueryAsync<PostRow>(new CommandDefinition(
            $"{Select} WHERE {where} ORDER BY {order} LIMIT @take",
            new { page.AfterScore, page.AfterId, type = (long)type, uid = uid ?? 0, take = page.Limit + 1L },
            cancellationToken: cancellationToken)), cancellationToken)).AsList();
    }

    /// <summary>
    /// Changes a post in one transaction: <paramref name="change"/> gets the post as it is and returns what it shall be. Returns the changed post, or
    /// null when there is none. Two changes at once both take effect, one after the other.
    /// </summary>
    public Task<PostRow?> UpdateAsync(long id, Func<PostRow, PostRow> change, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            // The row is locked before it is read, or a change by somebody else between reading and writing would be lost.
            await connection.ExecuteAsync(new CommandDefinition(
                "UPDATE posts SET version = version + 1 WHERE id = @id", new { id }, transaction, cancellationToken: cancellationToken));
            var present = await connection.QuerySingleOrDefaultAsync<PostRow>(new CommandDefinition(
                $"{Select} WHERE p.id = @id", new { id }, transaction, cancellationToken: cancellationToken));
            if (present is null) return null;
            var changed = change(present);
            await connection.ExecuteAsync(new CommandDefinition(
                "UPDATE posts SET title = @Title, content = @Content, media = @Media, updated_at_ms = @UpdatedAtMs WHERE id = @Id",
                changed, transaction, cancellationToken: cancellationToken));
            return changed;
        }, cancellationToken);

    /// <summary>Removes a post and its likes after <paramref name="check"/> has seen it; false when there is none.</summary>
    public Task<bool> DeleteAsync(long id, Action<PostRow> check, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var present = await connection.QuerySingleOrDefaultAsync<PostRow>(new CommandDefinition(
                $"{Select} WHERE p.id = @id", new { id }, transaction, cancellationToken: cancellationToken));
            if (present is null) return false;
            check(present);
            return await connection.ExecuteAsync(new CommandDefinition(
                "DELETE FROM posts WHERE id = @id", new { id }, transaction, cancellationToken: cancellationToken)) == 1;
        }, cancellationToken);
}
