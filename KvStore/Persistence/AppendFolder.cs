using System.Runtime.InteropServices;
using System.Text;
using FeedMall.ServiceDefaults;
using Microsoft.Win32.SafeHandles;

namespace FeedMall.KvStore.Persistence;

/// <summary>
/// The folder with the files and their manifest. The manifest is replaced by a rename and the folder then flushed, so that at any moment of a crash
/// either the old set of files or the new one is whole.
/// </summary>
internal sealed class AppendFolder : IDisposable
{
    private const string Prefix = "appendonly.aof";
    private const string ManifestName = Prefix + ".manifest";

    private readonly FileStream _lock;

    /// <summary>Opens the folder, creating it when it is missing.</summary>
    /// <exception cref="StartException">Another process has it, it cannot be written, or the manifest is broken.</exception>
    public AppendFolder(string path)
    {
        FullPath = Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(FullPath);
            _lock = new FileStream(In("lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"The append-only file cannot be opened in {FullPath} ({failure.Message}). Another KvStore may be using it: give each its own DataDirectory, or start with --Kv:AppendOnly=false.", failure);
        }
        Manifest = ReadManifest();
        RemoveStrays();
    }

    public string FullPath { get; }

    public AppendManifest Manifest { get; private set; }

    /// <summary>How a file is brought to the disk; tests let it fail.</summary>
    public Action<SafeFileHandle> FlushToDisk { get; init; } = RandomAccess.FlushToDisk;

    public string In(string name) => Path.Combine(FullPath, name);

    public AppendFile Open(string name) => new(In(name), FlushToDisk);

    /// <summary>How large the base is, or all files together.</summary>
    public long Bytes(bool isBase) => Manifest.Files.Where(name => !isBase || name == Manifest.Base).Sum(name => new FileInfo(In(name)).Length);

    /// <summary>The name of the next increment, which nobody has yet.</summary>
    public string NextIncrement() => $"{Prefix}.{Manifest.LastNumber + 1}.incr.aof";

    /// <summary>The name that the base gets which replaces everything before the last increment.</summary>
    public string NextBase() => $"{Prefix}.{Manifest.LastNumber}.base.aof";

    /// <summary>Adds an empty increment to the set.</summary>
    public AppendFile AddIncrement()
    {
        var name = NextIncrement();
        var file = Open(name);
        try
        {
            file.Sync();
            Save(Manifest with { Increments = [.. Manifest.Increments, name], LastNumber = Manifest.LastNumber + 1 });
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Makes a finished temporary file the base, followed by the last increment only, and removes what it replaces.</summary>
    public void ReplaceBase(string temporary)
    {
        var name = NextBase();
        File.Move(In(temporary), In(name), overwrite: true);
        Save(Manifest with { Base = name, Increments = [Manifest.Increments[^1]] });
        RemoveStrays();
    }

    /// <summary>Removes files of ours that the manifest does not name: what a crash has left.</summary>
    public void RemoveStrays()
    {
        foreach (var path in Directory.EnumerateFiles(FullPath))
        {
            var name = Path.GetFileName(path);
            var isOurs = name.StartsWith("temp-", StringComparison.Ordinal) || (name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(".aof", StringComparison.Ordinal));
            if (isOurs && !Manifest.Files.Contains(name)) File.Delete(path);
        }
    }

    public void Dispose() => _lock.Dispose();

    private AppendManifest ReadManifest()
    {
        var path = In(ManifestName);
        if (!File.Exists(path))
        {
            if (Directory.EnumerateFiles(FullPath, Prefix + ".*").FirstOrDefault() is { } orphan)
                throw new StartException($"{FullPath} has {Path.GetFileName(orphan)} but no {ManifestName}, so the order of the files is unknown. Bring the manifest back, or move the files away to start empty.");
            return AppendManifest.Empty;
        }
        try
        {
            var manifest = AppendManifest.Parse(File.ReadAllText(path));
            if (manifest.Files.FirstOrDefault(name => !File.Exists(In(name))) is { } missing)
                throw new StartException($"{path} names {missing}, which is missing: data would be lost. Bring the file back, or take its line out of the manifest to go on without it.");
            return manifest;
        }
        catch (FormatException broken)
        {
            throw new StartException($"{path} is broken: {broken.Message}. Repair it, or move the folder away to start empty.", broken);
        }
    }

    private void Save(AppendManifest manifest)
    {
        var temporary = In("temp-" + ManifestName);
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(Encoding.UTF8.GetBytes(manifest.ToString()));
            file.Flush();
            FlushToDisk(file.SafeFileHandle);
        }
        File.Move(temporary, In(ManifestName), overwrite: true);
        Manifest = manifest;
        FlushFolder();
    }

    // A rename is on the disk only when its folder is. .NET does not open folders.
    private void FlushFolder()
    {
        if (OperatingSystem.IsWindows()) return;
        var descriptor = OpenFile(Encoding.UTF8.GetBytes(FullPath + '\0'), 0);
        if (descriptor < 0) throw new IOException($"{FullPath} cannot be opened to flush it");
        using var folder = new SafeFileHandle(descriptor, ownsHandle: true);
        FlushToDisk(folder);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int OpenFile(byte[] path, int flags);
}
