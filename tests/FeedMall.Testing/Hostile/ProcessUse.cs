using System.Globalization;

namespace FeedMall.Testing.Hostile;

/// <summary>What another process holds, from /proc.</summary>
public static class ProcessUse
{
    /// <summary>Its open file descriptors: sockets, pipes and files, but not those of its own code, which are opened when they are first needed.</summary>
    public static int Descriptors(int processId) => Directory.GetFileSystemEntries($"/proc/{processId}/fd").Count(each => !IsCode(each));

    private static bool IsCode(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget is { } file && (file.EndsWith(".dll", StringComparison.Ordinal) || file.EndsWith(".so", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            // Closed since the folder was read; the next look is right.
            return false;
        }
    }

    /// <summary>Its resident memory in bytes.</summary>
    public static long ResidentBytes(int processId)
    {
        var line = File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
