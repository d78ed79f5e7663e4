using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Limiting;
using FeedMall.Resilience.Queueing;
using FeedMall.Rpc.Client;

namespace FeedMall.Bff.Protection;

/// <summary>
/// Every protection of the edge. All of it may change while the service runs, in the settings file or through the governor: it is checked as a whole, and
/// nothing of it is taken over when a part is bad.
/// </summary>
public sealed class ProtectionOptions
{
    /// <summary>The settings section.</summary>
    public const string Section = "Protection";

    /// <summary>How much work is let in.</summary>
    public AdmissionSettings Admission { get; set; } = new();

    /// <summary>How often each may come.</summary>
    public RateLimitSettings RateLimit { get; set; } = new();

    /// <summary>What each caller may take of what all copies of the service do.</summary>
    public QuotaSettings Quota { get; set; } = new();

    /// <summary>Answers that are kept.</summary>
    public CacheSettings Cache { get; set; } = new();

    /// <summary>Calls to the domain services.</summary>
    public DependencySettings Dependencies { get; set; } = new();

    /// <summary>What answers when a route cannot.</summary>
    public DegradeSettings Degrade { get; set; } = new();

    /// <summary>What holds for single routes, by the route's name as Swagger shows it (operationId).</summary>
    public Dictionary<string, RouteSettings> Routes { get; set; } = [];
}

/// <summary>Settings of the limiter that adapts to the load, and of the queue in front of it.</summary>
public sealed class AdmissionSettings
{
    /// <summary>Whether it is there. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Whether it only counts what it would have refused. Default false.</summary>
    public bool DryRun { get; set; }

    /// <summary>Requests in flight at most, whatever the load. 1 to 1,000,000; default 512.</summary>
    public int Ceiling { get; set; } = 512;

    /// <summary>The load from which on no more is let in than the service has shown to finish without waiting, in thousandths. 1 to 1,000; default 800.</summary>
    public double LoadThreshold { get; set; } = 800;

    /// <summary>How far back throughput and execution time are looked at. 1 s to 10 min; default 10 s.</summary>
    public TimeSpan Window { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the limit goes on to hold when the load has fallen. 0 to 1 min; default 1 s.</summary>
    public TimeSpan CoolDown { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a request may wait for a place while the queue never gets empty. 1 ms to 1 min; default 20 ms.</summary>
    public TimeSpan QueueTarget { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long it may wait otherwise. QueueTarget to 1 min; default 500 ms.</summary>
    public TimeSpan QueueInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Requests that wait at most. 1 to 1,000,000; default 2,048.</summary>
    public int QueueCapacity { get; set; } = 2048;

    internal BbrLimiterOptions ToLimiter() => new() { Ceiling = Ceiling, LoadThreshold = LoadThreshold, Window = Window, CoolDown = CoolDown };

    internal AdmissionQueueOptions ToQueue() => new() { Queue = new() { Target = QueueTarget, Interval = QueueInterval, Capacity = QueueCapacity } };
}

/// <summary>Settings of the token buckets.</summary>
public sealed class RateLimitSettings
{
    /// <summary>Whether they are there. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Whether they only count what they would have refused. Default false.</summary>
    public bool DryRun { get; set; }

    /// <summary>Requests per second that this copy of the service takes from all together; 0: no limit of that kind. 0 to 1,000,000,000; default 0.</summary>
    public double NodeRate { get; set; }

    /// <summary>Of these, how many at once. 1 to 1,000,000,000; default 1,000.</summary>
    public double NodeBurst { get; set; } = 1000;

    /// <summary>Requests per second of one client, who is a logged-in user or an address; 0: no limit of that kind. 0 to 1,000,000,000; default 500.</summary>
    public double ClientRate { get; set; } = 500;

    /// <summary>Of these, how many at once. 1 to 1,000,000,000; default 1,000.</summary>
    public double ClientBurst { get; set; } = 1000;

    /// <summary>Clients that are told apart at a time; what is beyond shares one bucket. 1 to 1,000,000; default 100,000.</summary>
    public int MaxClients { get; set; } = 100_000;
}

/// <summary>Settings of the cache of answers. Where the common store is: Bff:Cache.</summary>
public sealed class CacheSettings
{
    /// <summary>Whether answers are kept. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>How long an answer that is no longer fresh is given while a new one is made. 0 to 1 h; default 10 s.</summary>
    public TimeSpan StaleWhileRevalidate { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How much longer answers are kept for when no new one can be made. StaleWhileRevalidate to 1 day; default 10 min.</summary>
    public TimeSpan StaleIfError { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a copy of an answer that is asked for often is given without asking the store; other copies of the service learn of an eviction so much later. 10 ms to 3 s; default 1 s. Read at the start.</summary>
    public TimeSpan HotTime { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Room for answers in this process, in bytes. 1 MiB to 64 GiB; default 64 MiB. Read at the start.</summary>
    public long LocalBytes { get; set; } = 64 * 1024 * 1024;
}

/// <summary>Settings of the calls to the domain services.</summary>
public sealed class DependencySettings
{
    /// <summary>Time of a call that reads, all its attempts together; what is left of the request's time can only shorten it. 5 ms to 10 s; default 100 ms.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The same of a call that changes something: it writes to disk, or hashes a password. 5 ms to 10 s; default 500 ms.</summary>
    public TimeSpan WriteTimeout { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>What holds for single methods, by the method's name in metrics and traces, such as feedmall.feed.v1.Posts/GetPost.</summary>
    public Dictionary<string, MethodSettings> Methods { get; set; } = [];

    /// <summary>Attempts of a call that may be made twice, the first one included. 1 (never again) to 5; default 3. Read at the start.</summary>
    public int RetryAttempts { get; set; } = 3;

    /// <summary>The wait before the second attempt, about; it doubles up to ten times that. 1 ms to 1 s; default 10 ms. Read at the start.</summary>
    public TimeSpan RetryWait { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Retries per first attempt, over 10 s; one per second are granted in any case. 0 to 1; default 0.1. Read at the start.</summary>
    public double RetryBudget { get; set; } = 0.1;

    /// <summary>Whether breakers drop calls to methods that fail. Default true.</summary>
    public bool Breaker { get; set; } = true;

    /// <summary>Whether they only count what they would have dropped. Default false.</summary>
    public bool BreakerDryRun { get; set; }

    /// <summary>Calls that are let through for each one that the method does; fewer successes than 1 / K, and calls are dropped. More than 1, to 10; default 1.5.</summary>
    public double BreakerK { get; set; } = 1.5;

    /// <summary>How far back calls count. 100 ms to 10 min; default 10 s.</summary>
    public TimeSpan BreakerWindow { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many calls of each method are on their way at a time.</summary>
    public CallLimitSettings Limit { get; set; } = new();

    /// <summary>Calls that may be on their way to one domain service at a time, so that a slow one does not take the others' places. 1 to 1,000,000; default 200.</summary>
    public int BulkheadPlaces { get; set; } = 200;

    /// <summary>Calls that may be on their way to the addresses that stand by for one domain service (Bff:FeedGutterAddresses) at a time. 1 to 1,000,000; default 20.</summary>
    public int GutterPlaces { get; set; } = 20;

    /// <summary>Whether the bulkheads only count what they would have refused. Default false.</summary>
    public bool BulkheadDryRun { get; set; }

    internal SreBreakerOptions ToBreaker() => new() { K = BreakerK, MinK = Math.Min(1.1, BreakerK), Window = BreakerWindow };

    internal BulkheadOptions ToBulkhead() => new() { Places = BulkheadPlaces };

    internal RetryOptions ToRetry() => new()
    {
        MaxAttempts = RetryAttempts, Backoff = new() { Min = RetryWait, Max = RetryWait * 10 }, Budget = new() { Ratio = RetryBudget },
    };

    internal TimeSpan TimeoutOf(string method, bool reads) => Methods.GetValueOrDefault(method)?.Timeout ?? (reads ? CallTimeout : WriteTimeout);
}

/// <summary>Settings of the limits that follow the times of calls, one for each method, and of the queues in front of them.</summary>
public sealed class CallLimitSettings
{
    /// <summary>Whether they are there. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Whether they only count what they would have refused. Default false.</summary>
    public bool DryRun { get; set; }

    /// <summary>The limit of a method until its times are known, in calls. 1 to 100,000; default 20.</summary>
    public int Initial { get; set; } = 20;

    /// <summary>The limit never goes below. 1 to Max; default 4.</summary>
    public int Min { get; set; } = 4;

    /// <summary>The limit never goes above. Min to 100,000; default 200.</summary>
    public int Max { get; set; } = 200;

    /// <summary>How long a call may wait for a place while the queue never gets empty. 1 ms to 1 min; default 20 ms.</summary>
    public TimeSpan QueueTarget { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long it may wait otherwise. QueueTarget to 1 min; default 500 ms.</summary>
    public TimeSpan QueueInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Calls of one method that wait at most. 1 to 1,000,000; default 512.</summary>
    public int QueueCapacity { get; set; } = 512;

    // Ten times a second, so that an overload is over before its calls are too late; the long-term average reaches back ten minutes.
    internal GradientLimiterOptions ToLimiter(TimeSpan callTime) => new()
    {
        Initial = Initial, Min = Min, Max = Max, Window = TimeSpan.FromMilliseconds(100), LongWindows = 6000, Slowest = callTime / 2,
    };

    internal AdmissionQueueOptions ToQueue() => new() { Queue = new() { Target = QueueTarget, Interval = QueueInterval, Capacity = QueueCapacity } };
}

/// <summary>What holds for one method of a domain service.</summary>
public sealed class MethodSettings
{
    /// <summary>Time of a call, all its attempts together. 5 ms to 10 s.</summary>
    public TimeSpan? Timeout { get; set; }
}

/// <summary>What holds for one route; what is not set is as the route itself or the other settings say.</summary>
public sealed class RouteSettings
{
    /// <summary>The time of a request. 10 ms to 10 s.</summary>
    public TimeSpan? Timeout { get; set; }

    /// <summary>How much it hurts when it is refused: critical_plus, critical, sheddable_plus or sheddable.</summary>
    public string? Criticality { get; set; }

    /// <summary>How long its answers are fresh, if they are kept at all. 100 ms to 1 h.</summary>
    public TimeSpan? CacheTime { get; set; }

    /// <summary>Whether it may be answered without the domain services: auto (when they fail), off or forced. Default auto.</summary>
    public SwitchState? Degrade { get; set; }

    /// <summary>Requests per second of all clients together; 0: no limit.</summary>
    public double? Rate { get; set; }

    /// <summary>Of these, how many at once; default the rate, at least 1.</summary>
    public double? Burst { get; set; }

    /// <summary>Requests per second of one client; 0: no limit.</summary>
    public double? ClientRate { get; set; }

    /// <summary>Of these, how many at once; default the rate, at least 1.</summary>
    public double? ClientBurst { get; set; }
}
