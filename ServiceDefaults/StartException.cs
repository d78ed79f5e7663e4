namespace FeedMall.ServiceDefaults;

/// <summary>A start that failed for a reason that the operator can mend; the message is one line that says how.</summary>
public sealed class StartException(string message, Exception? cause = null) : Exception(message, cause);
