namespace FeedMall.Bff.Answers;

/// <summary>What every success is wrapped in.</summary>
/// <param name="Code">0.</param>
/// <param name="Message">"success".</param>
/// <param name="Data">The answer itself.</param>
internal sealed record Envelope<T>(int Code, string Message, T Data)
{
    public static Envelope<T> Of(T data) => new(0, "success", data);
}

/// <summary>What every failure looks like.</summary>
/// <param name="Code">The HTTP status.</param>
/// <param name="Reason">Of a closed set, for programs.</param>
/// <param name="Message">For people.</param>
/// <param name="Metadata">Details by name; for VALIDATION_FAILED field → message.</param>
/// <param name="TraceId">To be named when asking for help.</param>
internal sealed record Failure(int Code, string Reason, string Message, IReadOnlyDictionary<string, string> Metadata, string TraceId);

/// <summary>A part of a list.</summary>
/// <param name="Items">At most as many as asked for.</param>
/// <param name="NextCursor">Where the next part starts; absent at the end.</param>
/// <param name="Degraded">"items" when these are others than those asked for, which could not be had; absent when all is well.</param>
internal sealed record ListView<T>(IReadOnlyList<T> Items, string? NextCursor, IReadOnlyList<string>? Degraded = null);

/// <summary>An answer without content.</summary>
internal sealed record Nothing;
