using FeedMall.Proto.Mall.V1;

namespace FeedMall.Domain.Mall.Collections;

/// <summary>The states of a collection: draft ↔ published, both → deleted; deleted is the end.</summary>
internal static class CollectionStates
{
    /// <summary>Whether a collection may move from one state to another. Staying is no move, and always right.</summary>
    public static bool CanMove(CollectionState from, CollectionState to) =>
        to is CollectionState.Draft or CollectionState.Published or CollectionState.Deleted
        && (from == to || from is CollectionState.Draft or CollectionState.Published);
}
