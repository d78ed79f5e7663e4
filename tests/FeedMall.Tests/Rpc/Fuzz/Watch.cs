using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>These tests look at the memory and the lost exceptions of the whole process, so they run when nothing else does.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FuzzCollection
{
    public const string Name = "Fuzz";

    /// <summary>Another run is had with the environment variable FUZZ_SEED.</summary>
    public static int Seed { get; } = int.TryParse(Environment.GetEnvironmentVariable("FUZZ_SEED"), out var seed) ? seed : 20_260_101;
}

/// <summary>What a test leaves behind in the process: memory, and exceptions that nobody has seen.</summary>
internal sealed class Watch : IDisposable
{
    private readonly ConcurrentQueue<Exception> _unobserved = new();

    public Watch()
    {
        // What tests before have lost is not this one's.
        _ = SettledBytes();
        TaskScheduler.UnobservedTaskException += Note;
    }

    /// <summary>Managed memory that is still in use after everything unused is gone.</summary>
    public static long SettledBytes()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    public void AssertBack(long baseline, long mayKeep)
    {
        var now = SettledBytes();
        Assert.True(now <= baseline + mayKeep, $"{baseline / 1024} KiB were in use before, {now / 1024} KiB are now.");
        Assert.Empty(_unobserved);
    }

    public void Dispose() => TaskScheduler.UnobservedTaskException -= Note;

    // Other tests of the process may have left tasks behind that end only now; what passed through the runtime is the runtime's.
    private void Note(object? sender, UnobservedTaskExceptionEventArgs lost)
    {
        if (lost.Exception.ToString().Contains(" FeedMall.Rpc.", StringComparison.Ordinal)) _unobserved.Enqueue(lost.Exception);
    }
}

/// <summary>Follows an up-down counter of one host, for example its requests in flight.</summary>
internal sealed class Gauge : IDisposable
{
    private readonly MeterListener _listener = new();
    // Guards the fields below.
    private readonly Lock _gate = new();
    private long _value;
    private long _highest;
    private (long Target, TaskCompletionSource Reached)? _waiting;

    private Gauge(IServiceProvider services, string instrument)
    {
        var meters = services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (found, listener) =>
        {
            if (found.Name == instrument && ReferenceEquals(found.Meter.Scope, meters)) listener.EnableMeasurementEvents(found);
        };
        _listener.SetMeasurementEventCallback<long>((_, change, _, _) => Add(change));
        _listener.Start();
    }

    public long Highest
    {
        get { lock (_gate) return _highest; }
    }

    public static Gauge Requests(EchoHost host) => new(host.ServerServices, "http.server.active_requests");

    public static Gauge Connections(EchoHost host) => new(host.ServerServices, "kestrel.active_connections");

    /// <summary>Completes when the value has come down, or up, to this.</summary>
    public async Task ReachesAsync(long target)
    {
        TaskCompletionSource reached;
        lock (_gate)
        {
            if (_value == target) return;
            reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting = (target, reached);
        }
        try
        {
            await reached.Task.WaitAsync(TimeSpan.FromSeconds(15));
        }
        catch (TimeoutException)
        {
            lock (_gate) Assert.Fail($"The value stays at {_value} instead of {target}.");
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Add(long change)
    {
        lock (_gate)
        {
            _value += change;
            _highest = Math.Max(_highest, _value);
            if (_waiting is { } waiting && waiting.Target == _value) waiting.Reached.TrySetResult();
        }
    }
}
