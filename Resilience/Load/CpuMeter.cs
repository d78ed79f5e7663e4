namespace FeedMall.Resilience.Load;

/// <summary>
/// How much of the processor time that this process may use is used: of its control group where the system has those (version 1, 2, or both), with limits that are no
/// whole number of cores; else of the process itself. (ALGORITHMS §3.4.)
/// </summary>
public sealed class CpuMeter : SampledLoad
{
    private readonly ICpuAccount _account;
    private long _usedAt;
    private TimeSpan _used;
    private double _cores;

    /// <summary>Measures the machine that it runs on. Checks the options.</summary>
    public CpuMeter(LoadOptions options, TimeProvider clock) : this(options, new SystemFolders(), clock) { }

    /// <summary>The same with the system's files elsewhere.</summary>
    internal CpuMeter(LoadOptions options, SystemFolders folders, TimeProvider clock) : base(Checked(options).Tick, options.CpuDecay, clock)
    {
        _account = ControlGroup.Find(folders) ?? (ICpuAccount)new ProcessAccount();
        _usedAt = clock.GetTimestamp();
        try
        {
            (_used, _cores) = _account.Read();
        }
        catch (IOException)
        {
            // The first tick that can read begins.
            _usedAt = long.MinValue;
        }
        Start();
    }

    /// <summary>Cores that may be used, with fractions.</summary>
    public double Cores => Volatile.Read(ref _cores);

    /// <summary>What is measured, like "cgroup v2 /system.slice/feed.service".</summary>
    public string Account => _account.Name;

    private protected override double? Measure(long now)
    {
        var (used, cores) = _account.Read();
        var elapsed = _usedAt == long.MinValue ? TimeSpan.Zero : Clock.GetElapsedTime(_usedAt, now);
        var spent = used - _used;
        (_usedAt, _used) = (now, used);
        Volatile.Write(ref _cores, cores);
        // Less than before: the process has moved to another group.
        if (elapsed <= TimeSpan.Zero || spent < TimeSpan.Zero) return null;
        return 1000 * (spent / elapsed) / cores;
    }

    private static LoadOptions Checked(LoadOptions options)
    {
        options.Check();
        return options;
    }

    private sealed class ProcessAccount : ICpuAccount
    {
        public string Name => "process";

        public (TimeSpan Used, double Cores) Read() => (Environment.CpuUsage.TotalTime, Environment.ProcessorCount);
    }
}
