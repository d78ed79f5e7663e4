namespace FeedMall.Rpc.Client;

/// <summary>What became of a call that did not take its plain way.</summary>
public enum CallTurn
{
    /// <summary>It failed and is sent again.</summary>
    Retried,
    /// <summary>It failed and could be sent again, but the retry budget is used up.</summary>
    GivenUp,
    /// <summary>It goes to the addresses that stand by.</summary>
    Diverted,
    /// <summary>It is sent, but only because the gate that refused it is in dry run.</summary>
    WouldHaveBeenRefused,
}

/// <summary>Tells whoever runs a client of a turn that one of its calls took.</summary>
/// <param name="Turn">What became of the call.</param>
/// <param name="Method">Its method, by its full name.</param>
/// <param name="Reason">Why: of the failure or of the refusal.</param>
public readonly record struct CallNote(CallTurn Turn, string Method, string Reason);
