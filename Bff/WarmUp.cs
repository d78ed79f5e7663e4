using FeedMall.Bff.Protection;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using Grpc.Core;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff;

/// <summary>
/// Reads something of every kind at the start, until it comes as fast as it has to: the first calls open connections and compile code on both sides, and would
/// not be answered in the time that later ones have. Until then calls have as much time as their requests, and the first ones of each method later too.
/// </summary>
internal sealed class WarmUp(
    IServiceProvider clients, Dependencies dependencies, IOptions<BffOptions> options, IOptionsMonitor<ProtectionOptions> protection, TimeProvider clock) : BackgroundService
{
    // A service that is never so fast is not waited for any longer.
    private const int MostRounds = 20;
    // What is read here finds next to nothing: the code that finds, and all that writes, is still to be compiled.
    private const int ColdCalls = 20;
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.WarmUp)
        {
            dependencies.SetWarm("feed", coldCalls: 0);
            dependencies.SetWarm("mall", coldCalls: 0);
            return;
        }
        await Task.WhenAll(WarmAsync("feed", Feed(), stoppingToken), WarmAsync("mall", Mall(), stoppingToken));
    }

    private async Task WarmAsync(string dependency, Func<CallOptions, Task>[] reads, CancellationToken stopping)
    {
        for (var rounds = 0; rounds < MostRounds && !stopping.IsCancellationRequested; )
        {
            var slowest = TimeSpan.Zero;
            var isAnswered = true;
            foreach (var read in reads)
            {
                var startedAt = clock.GetTimestamp();
                isAnswered &= await TryAsync(read, stopping);
                var took = clock.GetElapsedTime(startedAt);
                if (took > slowest) slowest = took;
            }
            if (isAnswered) rounds++;
            if (isAnswered && slowest < protection.CurrentValue.Dependencies.CallTimeout) break;
            // It is not there yet.
            if (!isAnswered) await Task.Delay(s_pause, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        dependencies.SetWarm(dependency, ColdCalls);
    }

    private async Task<bool> TryAsync(Func<CallOptions, Task> read, CancellationToken stopping)
    {
        try
        {
            await read(new CallOptions(null, clock.GetUtcNow().UtcDateTime + BffOptionsValidator.Longest, stopping));
            return true;
        }
        catch (RpcException refused)
        {
            return refused.StatusCode is not (StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled);
        }
    }

    private Func<CallOptions, Task>[] Feed()
    {
        var posts = clients.GetRequiredService<Posts.PostsClient>();
        return
        [
            async call => await posts.ListPostsAsync(new ListPostsRequest { Page = One() }, call),
            async call => await posts.GetPostAsync(new GetPostRequest { Id = 1 }, call),
            async call => await posts.BatchGetPostsAsync(new BatchGetPostsRequest { Ids = { 1 } }, call),
        ];
    }

    private Func<CallOptions, Task>[] Mall()
    {
        var (shops, products, collections) = (
            clients.GetRequiredService<Shops.ShopsClient>(), clients.GetRequiredService<Products.ProductsClient>(), clients.GetRequiredService<Collections.CollectionsClient>());
        return
        [
            async call => await shops.ListShopsAsync(new ListShopsRequest { Page = One() }, call),
            async call => await shops.GetShopAsync(new GetShopRequest { Id = 1 }, call),
            async call => await products.ListProductsAsync(new ListProductsRequest { Page = One() }, call),
            async call => await products.GetProductAsync(new GetProductRequest { Id = 1 }, call),
            async call => await collections.ListCollectionCardsAsync(new ListCollectionCardsRequest { Page = One() }, call),
            async call => await collections.GetCollectionAsync(new GetCollectionRequest { Id = 1 }, call),
            async call => await collections.BatchGetCollectionCardsAsync(new BatchGetCollectionCardsRequest { Ids = { 1 } }, call),
        ];
    }

    private static Page One() => new() { Limit = 1 };
}
