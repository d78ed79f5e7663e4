using System.Text.Json.Serialization;
using FeedMall.Bff.Answers;
using FeedMall.Bff.Auth;
using FeedMall.Bff.Feed;
using FeedMall.Bff.Mall;
using FeedMall.Bff.Pages;

namespace FeedMall.Bff;

/// <summary>The JSON of every body, generated at build time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Failure))]
[JsonSerializable(typeof(Envelope<Nothing>))]
[JsonSerializable(typeof(Envelope<RegisteredView>))]
[JsonSerializable(typeof(Envelope<TokenView>))]
[JsonSerializable(typeof(Envelope<PostView>))]
[JsonSerializable(typeof(Envelope<LikeView>))]
[JsonSerializable(typeof(Envelope<ListView<PostView>>))]
[JsonSerializable(typeof(Envelope<ListView<PostCardView>>))]
[JsonSerializable(typeof(Envelope<ShopView>))]
[JsonSerializable(typeof(Envelope<ListView<ShopView>>))]
[JsonSerializable(typeof(Envelope<ProductView>))]
[JsonSerializable(typeof(Envelope<ListView<ProductView>>))]
[JsonSerializable(typeof(Envelope<CollectionView>))]
[JsonSerializable(typeof(Envelope<CollectionCardView>))]
[JsonSerializable(typeof(Envelope<ListView<CollectionCardView>>))]
[JsonSerializable(typeof(Envelope<HomeView>))]
[JsonSerializable(typeof(Envelope<HealthView>))]
[JsonSerializable(typeof(Credentials))]
[JsonSerializable(typeof(NewPost))]
[JsonSerializable(typeof(PostPatch))]
[JsonSerializable(typeof(NewShop))]
[JsonSerializable(typeof(NewProduct))]
[JsonSerializable(typeof(ProductPatch))]
[JsonSerializable(typeof(NewCollection))]
[JsonSerializable(typeof(NewState))]
[JsonSerializable(typeof(System.Text.Json.JsonElement))]
internal sealed partial class BffJson : JsonSerializerContext;
