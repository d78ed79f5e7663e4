using FeedMall.Domain.Feed;
using FeedMall.Domain.Feed.Likes;
using FeedMall.Domain.Feed.Posts;
using FeedMall.Domain.Feed.Users;
using FeedMall.ServiceDefaults.Database;
using FeedMall.ServiceDefaults.Ids;
using FeedMall.Testing;

namespace FeedMall.Tests.Domain.Feed;

/// <summary>An empty feed database of either kind, with its stores: the same tests run on both.</summary>
internal sealed class FeedDatabase : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ServiceDatabase _database;

    private FeedDatabase(string database)
    {
        _database = ServiceDatabase.Open(database, _folder.Path);
        Users = new UserStore(_database);
        Posts = new PostStore(_database);
        Likes = new LikeStore(_database, TimeProvider.System);
    }

    public UserStore Users { get; }

    public PostStore Posts { get; }

    public LikeStore Likes { get; }

    public LocalIdSource Ids { get; } = new(1, TimeProvider.System);

    public static async Task<FeedDatabase> CreateAsync(string kind, PostgresServer postgres, CancellationToken cancel)
    {
        var feed = new FeedDatabase(kind == "SQLite" ? "feed.db" : await postgres.CreateDatabaseAsync(cancel));
        await Migrator.MigrateAsync(feed._database, typeof(FeedApp).Assembly, TimeProvider.System, cancel);
        return feed;
    }

    public async Task<long> AddUserAsync(string name, CancellationToken cancel)
    {
        var user = new UserRow(Ids.Next(), name, "hash", 1);
        if (!await Users.TryAddAsync(user, cancel)) throw new InvalidOperationException($"'{name}' is taken.");
        return user.Id;
    }

    public async Task<long> AddPostAsync(long uid, CancellationToken cancel, string title = "title", long type = 1)
    {
        var post = new PostRow(Ids.Next(), uid, title, "content", type, "{}", 0, 1, 1, 1, "");
        if (!await Posts.TryAddAsync(post, cancel)) throw new InvalidOperationException($"There is no user {uid}.");
        return post.Id;
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }
}
