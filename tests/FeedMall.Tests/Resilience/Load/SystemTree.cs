using FeedMall.Resilience.Load;
using FeedMall.Testing;

namespace FeedMall.Tests.Resilience.Load;

/// <summary>A real folder that looks like /sys/fs/cgroup and /proc of a machine.</summary>
internal sealed class SystemTree : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public SystemFolders Folders => new(Path.Combine(_folder.Path, "cgroup"), Path.Combine(_folder.Path, "proc"));

    /// <summary>Like "cgroup/cpu/cpu.cfs_quota_us" with its text.</summary>
    public SystemTree With(string path, string text)
    {
        var file = Path.Combine(_folder.Path, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text + "\n");
        return this;
    }

    public void Remove(string path) => File.Delete(Path.Combine(_folder.Path, path));

    public void Dispose() => _folder.Dispose();

    /// <summary>As captured on a machine with version 1 and, one level below, an empty version 2.</summary>
    public static SystemTree Hybrid() => new SystemTree()
        .With("proc/self/cgroup", "9:name=systemd:/\n4:memory:/process/05a31a42\n3:cpuset:/\n2:cpuacct:/\n1:cpu:/\n0::/")
        .With("cgroup/unified/cgroup.controllers", "")
        .With("cgroup/cpu/cpu.cfs_quota_us", "-1").With("cgroup/cpu/cpu.cfs_period_us", "100000")
        .With("cgroup/cpuacct/cpuacct.usage", "5000000000")
        .With("cgroup/cpuset/cpuset.cpus", "0-1");

    /// <summary>A container of Docker on version 1, seen without a namespace: the path is the host's, the files are the container's.</summary>
    public static SystemTree Version1(string quota) => new SystemTree()
        .With("proc/self/cgroup", "4:cpu,cpuacct:/docker/f00\n3:cpuset:/docker/f00\n0::/system.slice/docker.service")
        .With("cgroup/cpu,cpuacct/cpu.cfs_quota_us", quota).With("cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000")
        .With("cgroup/cpu,cpuacct/cpuacct.usage", "7000000000")
        .With("cgroup/cpuset/cpuset.cpus", "0-63");

    /// <summary>A container on version 2 with a namespace of its own.</summary>
    public static SystemTree Version2(string limit) => new SystemTree()
        .With("proc/self/cgroup", "0::/")
        .With("cgroup/cgroup.controllers", "cpuset cpu io memory pids")
        .With("cgroup/cpu.max", limit)
        .With("cgroup/cpu.stat", "usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\nnr_periods 12")
        .With("cgroup/cpuset.cpus.effective", "0-63");
}
