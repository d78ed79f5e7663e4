namespace FeedMall.KvStore.Protocol;

/// <summary>What a client sent cannot be read on; it is told why, and the connection closes.</summary>
/// <param name="reply">Without the leading "-".</param>
internal sealed class ProtocolException(string reply) : Exception(reply);

/// <summary>The connection must end at once, without another word.</summary>
internal sealed class ConnectionEndException(string reason) : Exception(reason);
