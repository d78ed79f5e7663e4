namespace FeedMall.Rpc.Wire;

/// <summary>The peer went away while its messages were read.</summary>
internal sealed class LostCallerException(Exception cause) : IOException("The caller gave up.", cause);
