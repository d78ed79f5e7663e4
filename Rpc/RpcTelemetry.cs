using System.Diagnostics;
using System.Diagnostics.Metrics;
using Grpc.Core;

namespace FeedMall.Rpc;

/// <summary>The names of what calls are measured by, after OpenTelemetry's RPC conventions. One per container, so that hosts in one process stay apart.</summary>
public sealed class RpcTelemetry : IDisposable
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "FeedMall.Rpc";

    private readonly Histogram<double> _server;
    private readonly Histogram<double> _client;
    private readonly Counter<long> _badTimeouts;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _droppedMetadata;
    private readonly Counter<long> _resolverFailures;

    /// <summary>Created by the container.</summary>
    public RpcTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _server = meter.CreateHistogram<double>("rpc.server.call.duration", "s", "Time from the arrival of a call to its status.");
        _client = meter.CreateHistogram<double>("rpc.client.call.duration", "s", "Time from the start of a call to its status.");
        _badTimeouts = meter.CreateCounter<long>("feedmall.rpc.server.bad_timeouts", "{call}", "Calls whose grpc-timeout could not be read.");
        _retries = meter.CreateCounter<long>("feedmall.rpc.client.retries", "{attempt}", "Attempts that the retry policy added to calls.");
        _droppedMetadata = meter.CreateCounter<long>("feedmall.rpc.client.dropped_metadata", "{entry}", "Metadata that was over the limits of what travels on.");
        _resolverFailures = meter.CreateCounter<long>("feedmall.rpc.client.resolver_failures", "{failure}", "Resolvers that ended or threw, and were begun anew.");
    }

    /// <summary>Whether anybody looks at what clients measure.</summary>
    internal bool MeasuresClients => _client.Enabled;

    /// <summary>Whether anybody looks at what servers measure.</summary>
    internal bool MeasuresServers => _server.Enabled;

    internal ActivitySource Activities { get; } = new(Name);

    internal void CountBadTimeout() => _badTimeouts.Add(1);

    internal void CountRetry(IMethod method) => _retries.Add(1, new KeyValuePair<string, object?>("rpc.method", method.FullName[1..]));

    internal void CountResolverFailure() => _resolverFailures.Add(1);

    internal void CountDroppedMetadata() => _droppedMetadata.Add(1);

    internal void RecordServer(IMethod method, StatusCode status, TimeSpan duration) => Record(_server, method.FullName[1..], status, duration);

    /// <summary>A name that a caller made up would be a label without bound: they all count as one.</summary>
    internal void RecordUnknownMethod() => Record(_server, "_OTHER", StatusCode.Unimplemented, TimeSpan.Zero);

    internal void RecordClient(IMethod method, StatusCode status, TimeSpan duration) => Record(_client, method.FullName[1..], status, duration);

    /// <summary>Writes what is known at the end of a call on its span.</summary>
    internal static void Describe(Activity? span, IMethod method, Status status, bool failed)
    {
        if (span is null) return;
        span.DisplayName = method.FullName[1..];
        span.SetTag("rpc.system.name", "grpc");
        span.SetTag("rpc.method", method.FullName[1..]);
        span.SetTag("rpc.response.status_code", NameOf(status.StatusCode));
        if (failed) span.SetStatus(ActivityStatusCode.Error, status.Detail);
    }

    /// <inheritdoc/>
    public void Dispose() => Activities.Dispose();

    private static void Record(Histogram<double> histogram, string method, StatusCode status, TimeSpan duration)
    {
        if (!histogram.Enabled) return;
        histogram.Record(
            duration.TotalSeconds,
            new("rpc.system.name", "grpc"),
            new("rpc.method", method),
            new("rpc.response.status_code", NameOf(status)));
    }

    private static string NameOf(StatusCode code) => code switch
    {
        StatusCode.OK => "OK",
        StatusCode.Cancelled => "CANCELLED",
        StatusCode.Unknown => "UNKNOWN",
        StatusCode.InvalidArgument => "INVALID_ARGUMENT",
        StatusCode.DeadlineExceeded => "DEADLINE_EXCEEDED",
        StatusCode.NotFound => "NOT_FOUND",
        StatusCode.AlreadyExists => "ALREADY_EXISTS",
        StatusCode.PermissionDenied => "PERMISSION_DENIED",
        StatusCode.ResourceExhausted => "RESOURCE_EXHAUSTED",
        StatusCode.FailedPrecondition => "FAILED_PRECONDITION",
        StatusCode.Aborted => "ABORTED",
        StatusCode.OutOfRange => "OUT_OF_RANGE",
        StatusCode.Unimplemented => "UNIMPLEMENTED",
        StatusCode.Internal => "INTERNAL",
        StatusCode.Unavailable => "UNAVAILABLE",
        StatusCode.DataLoss => "DATA_LOSS",
        _ => "UNAUTHENTICATED",
    };
}
