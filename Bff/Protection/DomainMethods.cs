using System.Collections.Frozen;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using Google.Protobuf.Reflection;

namespace FeedMall.Bff.Protection;

/// <summary>What the edge may call, by the name that metrics have for it ("feedmall.feed.v1.Posts/GetPost"); true: it only reads.</summary>
internal static class DomainMethods
{
    public static FrozenDictionary<string, bool> All { get; } =
        new[] { UsersReflection.Descriptor, PostsReflection.Descriptor, LikesReflection.Descriptor, ShopsReflection.Descriptor, ProductsReflection.Descriptor, CollectionsReflection.Descriptor }
            .SelectMany(file => file.Services).SelectMany(service => service.Methods)
            .ToFrozenDictionary(method => $"{method.Service.FullName}/{method.Name}", method => method.GetOptions()?.IdempotencyLevel == MethodOptions.Types.IdempotencyLevel.NoSideEffects);
}
