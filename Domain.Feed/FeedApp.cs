namespace FeedMall.Domain.Feed;

/// <summary>The feed domain service.</summary>
public static class FeedApp
{
    /// <summary>A service ready to start.</summary>
    public static WebApplication Build(string[] args) => throw new NotImplementedException();
}
