using FeedMall.Bff.Protection;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.Resilience.Queueing;
using FeedMall.Rpc;
using FeedMall.ServiceDefaults.KeyValue;
using FeedMall.ServiceDefaults.Validation;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Degradation;

/// <summary>What can stand in for lists that cannot be had. It is read anew every few seconds while all is well, so that it is there when it is needed.</summary>
internal sealed class StandIns(KeyValueStore store, Posts.PostsClient posts, Collections.CollectionsClient collections, IOptionsMonitor<ProtectionOptions> options, TimeProvider clock)
    : BackgroundService
{
    private static readonly TimeSpan s_callTime = TimeSpan.FromSeconds(1);
    // How soon it is tried again while there is nothing, and how soon a change of settings is seen.
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    private readonly KeptCopy<ListPostsResponse> _posts = new("popular-posts", new TaggedCache("stand-in", store), clock);
    private readonly KeptCopy<ListCollectionCardsResponse> _collections = new("newest-collections", new TaggedCache("stand-in", store), clock);

    private DegradeSettings Settings => options.CurrentValue.Degrade;

    /// <summary>The posts that are liked most, and how old the list is; null: not known.</summary>
    public (ListPostsResponse Message, TimeSpan Age)? PopularPosts => _posts.Find(Settings.KeepFor);

    /// <summary>The newest collections, and how old the list is; null: not known.</summary>
    public (ListCollectionCardsResponse Message, TimeSpan Age)? NewestCollections => _collections.Find(Settings.KeepFor);

    /// <summary>For the governor.</summary>
    public object Snapshot() => new
    {
        PopularPosts = PopularPosts is { } popular ? new { Items = popular.Message.Posts.Count, AgeSeconds = (long)popular.Age.TotalSeconds } : null,
        NewestCollections = NewestCollections is { } newest ? new { Items = newest.Message.Cards.Count, AgeSeconds = (long)newest.Age.TotalSeconds } : null,
    };

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var interval = Settings.RenewInterval;
            if (interval > TimeSpan.Zero) await RenewAsync(stoppingToken);
            var wait = interval == TimeSpan.Zero || PopularPosts is null || NewestCollections is null ? s_soon : interval;
            await Task.Delay(wait, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task RenewAsync(CancellationToken cancellation)
    {
        var call = new CallOptions(new Metadata { { MetadataKeys.Criticality, Criticality.Sheddable.Text() } }, clock.GetUtcNow().UtcDateTime + s_callTime, cancellation);
        return Task.WhenAll(
            RenewAsync(_posts, async () => await posts.ListPostsAsync(new ListPostsRequest { Page = new Page { Limit = PageQuery.MaxLimit, Sort = Sort.Hot } }, call)),
            RenewAsync(_collections, async () => await collections.ListCollectionCardsAsync(new ListCollectionCardsRequest { Page = new Page { Limit = PageQuery.MaxLimit } }, call)));
    }

    private async Task RenewAsync<T>(KeptCopy<T> copy, Func<Task<T>> read) where T : class, IMessage<T>, new()
    {
        try
        {
            await copy.KeepAsync(await read(), Settings.KeepFor);
        }
        catch (RpcException)
        {
            // Counted by the client. What is there stays.
            await copy.RecallAsync();
        }
    }
}
