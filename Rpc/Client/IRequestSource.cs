namespace FeedMall.Rpc.Client;

/// <summary>The requests of one call, as often as they have to be sent.</summary>
internal interface IRequestSource
{
    /// <summary>Whether they can still be sent once more from the beginning.</summary>
    bool CanSendAgain { get; }

    /// <summary>Whether the server may have enough of the requests of the present attempt to begin with them.</summary>
    bool HasBegun { get; }

    /// <summary>The body of the next attempt.</summary>
    HttpContent CreateContent();

    /// <summary>No further attempt will follow.</summary>
    void Commit();

    /// <summary>The call has ended; whoever still waits to send hears of it.</summary>
    void Close(CallOutcome outcome);
}
