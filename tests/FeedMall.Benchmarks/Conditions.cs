using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FeedMall.Benchmarks;

/// <summary>What a page of measurements must say of where they come from.</summary>
internal static class Conditions
{
    /// <summary>One line: commit, processor, cores, memory, runtime.</summary>
    public static async Task<string> DescribeAsync()
    {
        var commit = await GitAsync("rev-parse", "--short", "HEAD");
        var changes = await GitAsync("status", "--porcelain", "--untracked-files=no");
        var gigabytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1 << 30);
        return $"Commit `{commit}`{(changes.Length > 0 ? " and changes that are not committed" : "")}, {Processor()}, "
            + $"{Environment.ProcessorCount} cores, {gigabytes} GB, {RuntimeInformation.FrameworkDescription}.";
    }

    private static string Processor()
    {
        const string ModelName = "model name";
        var line = File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(ModelName, StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    private static async Task<string> GitAsync(params string[] arguments)
    {
        // The program lies inside of the repository that it was built from.
        using var git = Process.Start(new ProcessStartInfo("git", ["-C", AppContext.BaseDirectory, .. arguments]) { RedirectStandardOutput = true })!;
        var output = await git.StandardOutput.ReadToEndAsync();
        await git.WaitForExitAsync();
        return git.ExitCode == 0 ? output.Trim() : throw new InvalidOperationException("git does not know the commit: run this inside of a clone.");
    }
}
