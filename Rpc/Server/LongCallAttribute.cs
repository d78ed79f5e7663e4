namespace FeedMall.Rpc.Server;

/// <summary>Stands on a streaming method that is meant to run until its caller leaves: without a deadline of the caller it gets 30 days.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LongCallAttribute : Attribute;
