namespace Grpc.Core;

/// <summary>How a call ended, by the numbers of the gRPC protocol.</summary>
public enum StatusCode
{
    /// <summary>The call succeeded.</summary>
    OK = 0,
    /// <summary>The caller gave up.</summary>
    Cancelled = 1,
    /// <summary>An error of unknown kind.</summary>
    Unknown = 2,
    /// <summary>The request is wrong whatever the state of the system.</summary>
    InvalidArgument = 3,
    /// <summary>The time was up before the work was done.</summary>
    DeadlineExceeded = 4,
    /// <summary>What was asked for does not exist.</summary>
    NotFound = 5,
    /// <summary>What was to be created exists.</summary>
    AlreadyExists = 6,
    /// <summary>The caller is known but may not do this.</summary>
    PermissionDenied = 7,
    /// <summary>A limit, quota or size is used up.</summary>
    ResourceExhausted = 8,
    /// <summary>The system is not in the state that the request needs.</summary>
    FailedPrecondition = 9,
    /// <summary>A conflict with somebody else's change: read again and repeat the whole.</summary>
    Aborted = 10,
    /// <summary>Past the valid range.</summary>
    OutOfRange = 11,
    /// <summary>The server does not have this method.</summary>
    Unimplemented = 12,
    /// <summary>An invariant is broken.</summary>
    Internal = 13,
    /// <summary>The service cannot be reached just now; retrying may help.</summary>
    Unavailable = 14,
    /// <summary>Data is lost for good.</summary>
    DataLoss = 15,
    /// <summary>The caller is not known.</summary>
    Unauthenticated = 16,
}
