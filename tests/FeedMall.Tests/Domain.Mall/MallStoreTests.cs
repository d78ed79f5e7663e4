using FeedMall.Domain.Mall.Collections;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults.Validation;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Domain.Mall;

public sealed class MallStoreTests(PostgresServer postgres)
{
    private static readonly PageQuery FirstPage = new(Sort.Newest, 7, long.MaxValue, long.MaxValue);

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task Of_concurrent_updates_of_one_version_exactly_one_wins_fifty_times(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var mall = await MallDatabase.CreateAsync(kind, postgres, cancel);
        var product = await mall.AddProductAsync(await mall.AddShopAsync(cancel), cancel);
        for (var version = 1; version <= 50; version++)
        {
            var won = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(
                () => mall.Products.TryUpdateAsync(product with { Title = $"{version}.{i}" }, version, cancel), cancel)));
            var winner = Array.IndexOf(won, true);
            Assert.Single(won, hasWon => hasWon);
            var present = (await mall.Products.FindAsync(product.Id, cancel))!;
            Assert.Equal($"{version}.{winner}", present.Title);
            Assert.Equal(version + 1, present.Version);
        }
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task Pages_of_products_and_cards_have_no_gaps_and_no_repeats_while_rows_are_added(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var mall = await MallDatabase.CreateAsync(kind, postgres, cancel);
        var (shop, other) = (await mall.AddShopAsync(cancel), await mall.AddShopAsync(cancel));
        var products = new List<long>();
        var collections = new List<long>();
        for (var i = 0; i < 30; i++)
        {
            products.Add((await mall.AddProductAsync(shop, cancel)).Id);
            collections.Add(await mall.AddCollectionAsync(shop, products[^1], cancel));
        }
        var foreign = (await mall.AddProductAsync(other, cancel)).Id;

        Assert.Equal(products.OrderDescending(), (await ReadAllAsync(
            async page => (await mall.Products.ListAsync(page, shop, cancel)).Select(row => row.Id).ToArray(),
            () => mall.AddProductAsync(shop, cancel))).Where(products.Contains));
        Assert.Equal(collections.OrderDescending(), (await ReadAllAsync(
            async page => (await mall.Collections.ListPublishedAsync(page, shop, cancel)).Select(row => row.Id).ToArray(),
            () => mall.AddCollectionAsync(shop, products[0], cancel))).Where(collections.Contains));
        Assert.DoesNotContain(foreign, (await mall.Products.ListAsync(FirstPage with { Limit = 100 }, shop, cancel)).Select(row => row.Id));
        Assert.Contains(foreign, (await mall.Products.ListAsync(FirstPage with { Limit = 100 }, null, cancel)).Select(row => row.Id));
        Assert.Equal([other, shop], (await mall.Shops.ListAsync(FirstPage, cancel)).Select(row => row.Id));
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_collection_is_kept_with_its_SKUs_in_order_and_seen_as_its_state_says(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var mall = await MallDatabase.CreateAsync(kind, postgres, cancel);
        var shop = await mall.AddShopAsync(cancel, "'; DROP TABLE shops; --");
        var product = (await mall.AddProductAsync(shop, cancel)).Id;
        var published = await mall.AddCollectionAsync(shop, product, cancel);
        var draft = await mall.AddCollectionAsync(shop, product, cancel, CollectionState.Draft);

        Assert.Equal(["at 300", "at 100", "at 200"], (await mall.Collections.ListSkusAsync(published, cancel)).Select(sku => sku.Name));
        var card = Assert.Single(await mall.Collections.ListPublishedAsync([draft, published, 5], cancel));
        Assert.Equal((published, "'; DROP TABLE shops; --", 100L, 3L), (card.Id, card.ShopName, card.PriceFrom, card.SkuCount));

        async Task<long?> MoveAsync(CollectionState to) => (await mall.Collections.MoveAsync(draft, to, 2, cancel))?.State;
        Assert.Equal((long)CollectionState.Draft, await MoveAsync(CollectionState.Published));
        Assert.Equal((long)CollectionState.Published, await MoveAsync(CollectionState.Published));
        Assert.Equal((long)CollectionState.Published, await MoveAsync(CollectionState.Unspecified));
        Assert.Equal(2, (await mall.Collections.FindAsync(draft, cancel))!.Version);
        Assert.Equal(2, (await mall.Collections.ListPublishedAsync([draft, published], cancel)).Count());
        Assert.Equal((long)CollectionState.Published, await MoveAsync(CollectionState.Deleted));
        Assert.Null(await mall.Collections.FindAsync(draft, cancel));
        Assert.Null(await MoveAsync(CollectionState.Published));
        Assert.Equal(7, (await mall.Collections.FindAsync(published, cancel))!.OwnerUid);
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_collection_that_many_publish_and_withdraw_at_once_moves_from_each_state_to_the_next(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var mall = await MallDatabase.CreateAsync(kind, postgres, cancel);
        var shop = await mall.AddShopAsync(cancel);
        var id = await mall.AddCollectionAsync(shop, (await mall.AddProductAsync(shop, cancel)).Id, cancel, CollectionState.Draft);
        var moves = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(async () =>
        {
            var to = i % 2 == 0 ? CollectionState.Published : CollectionState.Draft;
            return (To: to, Before: (await mall.Collections.MoveAsync(id, to, i, cancel))!);
        }, cancel)));
        // Each real move starts at a version of its own, so that no two of them saw the same row.
        var real = moves.Where(move => move.Before.State != (long)move.To).Select(move => move.Before.Version).Order().ToList();
        Assert.Equal(Enumerable.Range(1, real.Count).Select(version => (long)version), real);
        Assert.Equal(real.Count + 1, (await mall.Collections.FindAsync(id, cancel))!.Version);
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_collection_whose_SKUs_cannot_be_kept_is_not_kept_either(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var mall = await MallDatabase.CreateAsync(kind, postgres, cancel);
        var shop = await mall.AddShopAsync(cancel);
        var id = mall.Ids.Next();
        var row = new CollectionRow(id, shop, "title", "", "", (long)CollectionState.Draft, 1, "EUR", 1, 1, 1, 1, "", 0);
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() =>
            mall.Collections.AddAsync(row, [new SkuRow(mall.Ids.Next(), id, 404, "of no product", 1, "EUR", 1)], cancel));
        Assert.Null(await mall.Collections.FindAsync(id, cancel));
    }

    [Fact]
    public void A_collection_moves_between_draft_and_published_and_from_both_to_deleted()
    {
        var states = Enum.GetValues<CollectionState>();
        var allowed = states.SelectMany(from => states.Where(to => CollectionStates.CanMove(from, to)).Select(to => (from, to)));
        Assert.Equal(
            [
                (CollectionState.Draft, CollectionState.Draft), (CollectionState.Draft, CollectionState.Published), (CollectionState.Draft, CollectionState.Deleted),
                (CollectionState.Published, CollectionState.Draft), (CollectionState.Published, CollectionState.Published), (CollectionState.Published, CollectionState.Deleted),
                (CollectionState.Deleted, CollectionState.Deleted),
            ],
            allowed);
    }

    private static async Task<List<long>> ReadAllAsync(Func<PageQuery, Task<long[]>> read, Func<Task> meanwhile)
    {
        var seen = new List<long>();
        var page = FirstPage;
        while (true)
        {
            var rows = await read(page);
            seen.AddRange(rows.Take(page.Limit));
            await meanwhile();
            if (page.Next(rows.Length, 0, seen[^1]) is not { } next) break;
            page = page with { AfterId = next.Id };
        }
        Assert.Equal(seen.Count, seen.Distinct().Count());
        return seen;
    }
}
