using System.Globalization;

namespace FeedMall.Resilience.Load;

/// <summary>Processor time that was used since some beginning, and how many cores may be used.</summary>
internal interface ICpuAccount
{
    string Name { get; }

    /// <exception cref="IOException">It cannot be read now.</exception>
    (TimeSpan Used, double Cores) Read();
}

/// <summary>Where the system shows its control groups and its processes.</summary>
internal sealed record SystemFolders(string Groups = "/sys/fs/cgroup", string Processes = "/proc");

/// <summary>
/// The processor account of this process's control group. Groups lie in each other, and the tightest limit on the way up holds for all below it together: that
/// group's time is what is measured. Everything is read anew each time, because limits change while a container runs.
/// </summary>
internal sealed class ControlGroup : ICpuAccount
{
    // From the process's own group to the outermost one.
    private readonly List<Level> _levels;
    private readonly bool _isVersion2;

    private ControlGroup(string name, List<Level> levels, bool isVersion2)
    {
        Name = name;
        _levels = levels;
        _isVersion2 = isVersion2;
    }

    // Version 2 has one tree, version 1 one for each controller, often but not always together.
    private sealed record Level(string Limits, string Usage, string Cores);

    public string Name { get; }

    /// <summary>Null when the system has no control groups, or none that tells processor time.</summary>
    public static ControlGroup? Find(SystemFolders folders)
    {
        var lines = Lines(Path.Combine(folders.Processes, "self", "cgroup"));
        var group = File.Exists(Path.Combine(folders.Groups, "cgroup.controllers")) ? Version2(folders.Groups, lines) : Version1(folders.Groups, lines);
        return group._levels.Count > 0 && group.Usage(group._levels[0]) is not null ? group : null;
    }

    public (TimeSpan Used, double Cores) Read()
    {
        double cores = Environment.ProcessorCount;
        var measured = _levels[0];
        foreach (var level in _levels)
        {
            if (CoreCount(level) is { } count) cores = Math.Min(cores, count);
        }
        foreach (var level in _levels)
        {
            if (Limit(level) is not { } limit || limit >= cores) continue;
            cores = limit;
            measured = level;
        }
        var used = Usage(measured) ?? throw new IOException($"{Name} does not tell the processor time that it used");
        return (used, cores);
    }

    private static ControlGroup Version2(string root, IReadOnlyList<string> lines)
    {
        var path = PathOf(lines, controllers => controllers.Length == 0) ?? "/";
        var levels = Upwards(root, path).Select(folder => new Level(folder, folder, folder)).ToList();
        return new ControlGroup($"cgroup v2 {path}", levels, isVersion2: true);
    }

    private static ControlGroup Version1(string root, IReadOnlyList<string> lines)
    {
        var limits = Tree(root, "cpu", lines);
        var usage = Tree(root, "cpuacct", lines);
        var cores = Tree(root, "cpuset", lines);
        // The trees may differ in depth. Beyond the end of a shorter one its outermost group holds.
        var levels = Enumerable.Range(0, usage.Count)
            .Select(depth => new Level(At(limits, depth), At(usage, depth), At(cores, depth))).ToList();
        return new ControlGroup($"cgroup v1 {PathOf(lines, controllers => Has(controllers, "cpuacct"))}", levels, isVersion2: false);
    }

    private static string At(List<string> folders, int depth) => folders.Count == 0 ? "" : folders[Math.Min(depth, folders.Count - 1)];

    private static List<string> Tree(string root, string controller, IReadOnlyList<string> lines)
    {
        // "4:cpu,cpuacct:/docker/abc" is mounted as cpu,cpuacct and mostly linked to as cpu too.
        var together = lines.Select(line => line.Split(':', 3)).FirstOrDefault(parts => parts.Length == 3 && Has(parts[1], controller))?[1] ?? controller;
        var mount = new[] { together, controller }.Select(name => Path.Combine(root, name)).FirstOrDefault(Directory.Exists);
        if (mount is null) return [];
        return Upwards(mount, PathOf(lines, controllers => Has(controllers, controller)) ?? "/");
    }

    private static bool Has(string controllers, string controller) => controllers.Split(',').Contains(controller);

    private static string? PathOf(IReadOnlyList<string> lines, Func<string, bool> controllers) =>
        lines.Select(line => line.Split(':', 3)).FirstOrDefault(parts => parts.Length == 3 && controllers(parts[1]))?[2];

    // In a container without a group namespace the path is the host's, and does not exist inside: there the mount itself is the process's group.
    private static List<string> Upwards(string mount, string path)
    {
        var names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (names.Contains("..") || !Directory.Exists(Path.Combine([mount, .. names]))) names = [];
        return [.. Enumerable.Range(0, names.Length + 1).Select(less => Path.Combine([mount, .. names[..(names.Length - less)]]))];
    }

    private TimeSpan? Usage(Level level)
    {
        if (!_isVersion2) return Number(Text(level.Usage, "cpuacct.usage")) is { } nanoseconds ? TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick) : null;
        const string Name = "usage_usec ";
        var line = Text(level.Usage, "cpu.stat")?.Split('\n').FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        return Number(line?[Name.Length..]) is { } microseconds ? TimeSpan.FromMicroseconds(microseconds) : null;
    }

    // In cores; null: none.
    private double? Limit(Level level)
    {
        var (quota, period) = _isVersion2
            ? Text(level.Limits, "cpu.max")?.Split(' ') is [var most, var each] ? (Number(most), Number(each)) : (null, null)
            : (Number(Text(level.Limits, "cpu.cfs_quota_us")), Number(Text(level.Limits, "cpu.cfs_period_us")));
        return quota > 0 && period > 0 ? (double)quota / period : null;
    }

    private int? CoreCount(Level level)
    {
        var list = _isVersion2 ? Text(level.Cores, "cpuset.cpus.effective") : Text(level.Cores, "cpuset.effective_cpus") ?? Text(level.Cores, "cpuset.cpus");
        return CountCores(list ?? "");
    }

    /// <summary>Of a list like "0,3-4"; null when it names none or is not understood.</summary>
    internal static int? CountCores(string list)
    {
        long count = 0;
        foreach (var part in list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var ends = part.Split('-');
            if (ends.Length > 2 || Number(ends[0]) is not (>= 0 and { } first) || Number(ends[^1]) is not { } last || last < first) return null;
            count += last - first + 1;
        }
        return count is > 0 and <= int.MaxValue ? (int)count : null;
    }

    private static long? Number(string? text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string? Text(string folder, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, file)).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string[] Lines(string file) => Text(Path.GetDirectoryName(file)!, Path.GetFileName(file))?.Split('\n') ?? [];
}
