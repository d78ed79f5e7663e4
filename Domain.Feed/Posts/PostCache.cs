using FeedMall.Proto.Feed.V1;
using FeedMall.ServiceDefaults.KeyValue;

namespace FeedMall.Domain.Feed.Posts;

/// <summary>Posts as callers see them, read through the key-value store; likes change them too. Lists are read from the database.</summary>
internal sealed class PostCache(PostStore posts, KeyValueStore store)
{
    private const int Schema = 1;
    private readonly StampedCache<Post> _cache = new("post", Schema, Post.Parser, store);

    /// <summary>The post of this id, or null. Do not change it: others have it too.</summary>
    public Task<Post?> FindAsync(long id, CancellationToken cancellationToken) =>
        _cache.FindAsync(id, async loading => (await posts.FindAsync(id, loading))?.ToPost(), cancellationToken);

    /// <summary>The posts of these ids that exist.</summary>
    public Task<IReadOnlyDictionary<long, Post>> ListAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken) =>
        _cache.ListAsync(ids, async (missing, loading) =>
            (await posts.ListAsync(missing, loading)).Select(row => KeyValuePair.Create(row.Id, row.ToPost())), cancellationToken);

    /// <summary>Runs a change of the post, its likes included: every write must go through here.</summary>
    public Task<TResult> ChangeAsync<TResult>(long id, Func<Task<TResult>> change) => _cache.ChangeAsync(id, change);
}
