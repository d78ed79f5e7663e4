namespace FeedMall.Domain.Feed;

/// <summary>The reasons of this service's refusals.</summary>
internal static class FeedReasons
{
    /// <summary>409: the name belongs to somebody.</summary>
    public const string UserNameTaken = "FEED_USER_NAME_TAKEN";

    /// <summary>401: no such name, or not its password; nobody is told which.</summary>
    public const string BadCredentials = "FEED_BAD_CREDENTIALS";

    /// <summary>404: no user has this id.</summary>
    public const string UserNotFound = "FEED_USER_NOT_FOUND";

    /// <summary>404: no post has this id.</summary>
    public const string PostNotFound = "FEED_POST_NOT_FOUND";

    /// <summary>403: the post is somebody else's.</summary>
    public const string PostNotOwner = "FEED_POST_NOT_OWNER";
}
