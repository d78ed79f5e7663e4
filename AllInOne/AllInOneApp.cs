namespace FeedMall.AllInOne;

/// <summary>Every service in one process.</summary>
public static class AllInOneApp
{
    /// <summary>Starts everything; the result is the exit code.</summary>
    public static Task<int> RunAsync(string[] args) => throw new NotImplementedException();
}
