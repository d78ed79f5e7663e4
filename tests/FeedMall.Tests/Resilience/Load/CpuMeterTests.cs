using System.Globalization;
using FeedMall.Resilience.Load;
using FeedMall.Testing;
using FeedMall.Tests.Resilience.Limiting;
using Xunit;

namespace FeedMall.Tests.Resilience.Load;

public sealed class CpuMeterTests
{
    private readonly TestClock _clock = new();

    [Theory]
    [InlineData("0-1", 2)]
    [InlineData("0,3-4", 3)]
    [InlineData("7", 1)]
    [InlineData(" 0-3 , 8-11 ", 8)]
    [InlineData("", null)]
    [InlineData("all", null)]
    [InlineData("3-1", null)]
    [InlineData("1-2-3", null)]
    [InlineData("-1", null)]
    [InlineData("0-9223372036854775807", null)]
    public void A_list_of_cores_is_counted(string list, int? cores) => Assert.Equal(cores, ControlGroup.CountCores(list));

    [Theory]
    [InlineData("50000", 0.5)]
    [InlineData("125000", 1.25)]
    [InlineData("-1", double.PositiveInfinity)]
    [InlineData("0", double.PositiveInfinity)]
    [InlineData("much", double.PositiveInfinity)]
    public void Version_1_tells_limit_and_usage(string quota, double cores)
    {
        using var tree = SystemTree.Version1(quota);
        var (used, found) = ControlGroup.Find(tree.Folders)!.Read();
        Assert.Equal(7, used.TotalSeconds);
        Assert.Equal(Math.Min(cores, Environment.ProcessorCount), found);
    }

    [Theory]
    [InlineData("50000 100000", 0.5)]
    [InlineData("20000 80000", 0.25)]
    [InlineData("max 100000", double.PositiveInfinity)]
    [InlineData("max", double.PositiveInfinity)]
    [InlineData("50000 0", double.PositiveInfinity)]
    [InlineData("a lot", double.PositiveInfinity)]
    [InlineData("", double.PositiveInfinity)]
    public void Version_2_tells_limit_and_usage(string limit, double cores)
    {
        using var tree = SystemTree.Version2(limit);
        var (used, found) = ControlGroup.Find(tree.Folders)!.Read();
        Assert.Equal(3, used.TotalSeconds);
        Assert.Equal(Math.Min(cores, Environment.ProcessorCount), found);
    }

    [Fact]
    public void A_hybrid_machine_is_version_1()
    {
        using var tree = SystemTree.Hybrid();
        var group = ControlGroup.Find(tree.Folders)!;
        Assert.Equal("cgroup v1 /", group.Name);
        Assert.Equal((TimeSpan.FromSeconds(5), (double)Math.Min(2, Environment.ProcessorCount)), group.Read());
        tree.With("cgroup/cpuset/cpuset.cpus", "1");
        Assert.Equal(1, group.Read().Cores);
    }

    [Fact]
    public void The_tightest_limit_on_the_way_up_holds_and_its_group_is_measured()
    {
        using var tree = SystemTree.Version2("max 100000")
            .With("proc/self/cgroup", "0::/pods/pod7/main")
            .With("cgroup/pods/cpu.max", "max 100000").With("cgroup/pods/cpu.stat", "usage_usec 90000000")
            .With("cgroup/pods/pod7/cpu.max", "40000 100000").With("cgroup/pods/pod7/cpu.stat", "usage_usec 20000000")
            .With("cgroup/pods/pod7/main/cpu.max", "max 100000").With("cgroup/pods/pod7/main/cpu.stat", "usage_usec 11000000");
        var group = ControlGroup.Find(tree.Folders)!;
        Assert.Equal((TimeSpan.FromSeconds(20), 0.4), group.Read());
        tree.With("cgroup/pods/pod7/main/cpu.max", "30000 100000");
        Assert.Equal((TimeSpan.FromSeconds(11), 0.3), group.Read());
    }

    [Fact]
    public void Nested_groups_of_version_1_are_found_too()
    {
        using var tree = SystemTree.Hybrid()
            .With("proc/self/cgroup", "2:cpuacct:/a/b\n1:cpu:/a/b\n3:cpuset:/\nnonsense\n")
            .With("cgroup/cpu/a/cpu.cfs_quota_us", "70000").With("cgroup/cpu/a/cpu.cfs_period_us", "100000").With("cgroup/cpu/a/b/cpu.cfs_quota_us", "-1")
            .With("cgroup/cpuacct/a/cpuacct.usage", "2000000000").With("cgroup/cpuacct/a/b/cpuacct.usage", "1000000000");
        Assert.Equal((TimeSpan.FromSeconds(2), 0.7), ControlGroup.Find(tree.Folders)!.Read());
    }

    [Fact]
    public void A_machine_without_groups_measures_the_process()
    {
        using var tree = new SystemTree();
        Assert.Null(ControlGroup.Find(tree.Folders));
        using var meter = new CpuMeter(new LoadOptions(), tree.Folders, _clock);
        Assert.Equal("process", meter.Account);
        Assert.Equal(Environment.ProcessorCount, meter.Cores);
        using var broken = SystemTree.Version2("max 100000").With("cgroup/cpu.stat", "user_usec 5");
        Assert.Null(ControlGroup.Find(broken.Folders));
        using var climbing = SystemTree.Version2("50000 100000").With("proc/self/cgroup", "0::/../..");
        Assert.Equal(0.5, ControlGroup.Find(climbing.Folders)!.Read().Cores);
    }

    [Fact]
    public void This_machine_s_own_account_grows_with_work()
    {
        using var meter = new CpuMeter(new LoadOptions { Tick = TimeSpan.FromMilliseconds(20), CpuDecay = 0 }, TimeProvider.System);
        Assert.InRange(meter.Cores, 0.01, Environment.ProcessorCount);
        var began = Environment.TickCount64;
        // The account of a version 1 group moves in steps of a few milliseconds.
        while (meter.Permille == 0) Assert.True(Environment.TickCount64 - began < 10_000, $"{meter.Account} does not see work: {meter.Failures} failures");
        Assert.InRange(meter.Permille, 0.001, 1000);
        Assert.Equal(0, meter.Failures);
    }

    [Fact]
    public void A_jump_of_the_load_is_noticed_in_time() => Assert.All(Vectors.Read<BbrLimiterTests.Cases>("bbr").Detection, vector =>
    {
        using var tree = SystemTree.Version2("100000 100000");
        var tick = TimeSpan.FromMilliseconds(vector.TickMilliseconds);
        using var meter = new CpuMeter(new LoadOptions { Tick = tick, CpuDecay = vector.Decay }, tree.Folders, _clock);
        var used = 3_000_000.0;
        var permille = 0.0;
        for (var ticks = 0; ticks < 300; ticks++) permille = Step(vector.From);
        Assert.InRange(permille, 1000 * vector.From - 0.1, 1000 * vector.From + 0.1);
        var taken = 0;
        while (Step(1) < 800) taken++;
        // The formula is continuous: it lies between the last tick below the threshold and the first one above.
        Assert.InRange(vector.Seconds, taken * tick.TotalSeconds - 0.06, (taken + 1) * tick.TotalSeconds + 0.06);

        double Step(double load)
        {
            used += load * tick.TotalMicroseconds;
            tree.With("cgroup/cpu.stat", string.Create(CultureInfo.InvariantCulture, $"usage_usec {used:0}"));
            _clock.Advance(tick);
            return meter.Permille;
        }
    });

    [Fact]
    public void The_average_is_not_cut_to_whole_numbers()
    {
        using var tree = SystemTree.Version2("100000 100000");
        using var meter = new CpuMeter(new LoadOptions { CpuDecay = 0.95 }, tree.Folders, _clock);
        var cut = Vectors.Read<BbrLimiterTests.Cases>("bbr").CutAverage;
        for (var tick = 1; tick <= 400; tick++)
        {
            Use(tree, tick, 1);
            if (tick <= cut.Length) Assert.InRange(meter.Permille, cut[tick - 1], cut[tick - 1] + 20);
            Assert.Equal(1000 * (1 - Math.Pow(0.95, tick)), meter.Permille, 1);
        }
        // Cut at each tick it would stay at 981.
        Assert.InRange(meter.Permille, 999.9, 1000);
    }

    [Fact]
    public void Idleness_counts_and_errors_do_not()
    {
        using var tree = SystemTree.Version2("100000 100000");
        using var meter = new CpuMeter(new LoadOptions(), tree.Folders, _clock);
        for (var tick = 1; tick <= 5; tick++) Use(tree, tick, 1);
        var busy = meter.Permille;
        tree.Remove("cgroup/cpu.stat");
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((busy, 4), (meter.Permille, meter.Failures));

        // Back with less than before: another group. Only what comes after it can be compared.
        Use(tree, 1, 1);
        Assert.Equal(busy, meter.Permille);
        Use(tree, 1, 1);
        Assert.Equal(busy * 0.9, meter.Permille, 6);
        for (var tick = 0; tick < 100; tick++) Use(tree, 1, 1);
        Assert.InRange(meter.Permille, 0, 0.1);
    }

    [Fact]
    public void A_limit_may_change_while_it_runs_and_more_than_everything_is_1000()
    {
        using var tree = SystemTree.Version2("50000 100000");
        using var meter = new CpuMeter(new LoadOptions { CpuDecay = 0 }, tree.Folders, _clock);
        Use(tree, 1, 0.25);
        Assert.Equal(500, meter.Permille, 3);
        tree.With("cgroup/cpu.max", "100000 100000");
        Use(tree, 2, 0.25);
        Assert.Equal((250, 1), (Math.Round(meter.Permille, 3), meter.Cores));
        tree.With("cgroup/cpu.max", "10000 100000");
        Use(tree, 3, 0.25);
        Assert.Equal(1000, meter.Permille);
    }

    [Fact]
    public void After_its_end_nothing_is_measured_any_more()
    {
        using var tree = SystemTree.Version2("100000 100000");
        var meter = new CpuMeter(new LoadOptions(), tree.Folders, _clock);
        meter.Dispose();
        Use(tree, 1, 1);
        Assert.Equal(0, meter.Permille);
    }

    // One tick of 250 ms, after which so many of them have been worked in, on so many cores.
    private void Use(SystemTree tree, int ticks, double cores)
    {
        tree.With("cgroup/cpu.stat", string.Create(CultureInfo.InvariantCulture, $"usage_usec {3_000_000 + ticks * 250_000 * cores:0}"));
        _clock.Advance(TimeSpan.FromMilliseconds(250));
    }
}
