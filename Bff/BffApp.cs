namespace FeedMall.Bff;

/// <summary>The REST edge.</summary>
public static class BffApp
{
    /// <summary>A service ready to start.</summary>
    public static WebApplication Build(string[] args) => throw new NotImplementedException();
}
