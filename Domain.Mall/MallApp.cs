namespace FeedMall.Domain.Mall;

/// <summary>The mall domain service.</summary>
public static class MallApp
{
    /// <summary>A service ready to start.</summary>
    public static WebApplication Build(string[] args) => throw new NotImplementedException();
}
