using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults.Governor;

/// <summary>
/// What operators must know to change something through the governor: the setting {Service}:GovernorKey, or else a random key that is made at the first
/// start and lies in DataDirectory/governor.key, readable by its owner only.
/// </summary>
public sealed partial class GovernorKey(IOptions<ServiceOptions> options, IOptions<DataOptions> data, ServiceIdentity identity, ILogger<GovernorKey> log)
{
    private const int RandomBytes = 24;
    private byte[]? _hash;

    /// <summary>Where it can be found, for messages.</summary>
    public string Whereabouts => options.Value.GovernorKey.Length > 0 ? $"the setting {identity.Section}:GovernorKey" : FilePath;

    private string FilePath => Path.Combine(Path.GetFullPath(data.Value.DataDirectory), "governor.key");

    /// <summary>Makes sure that there is one.</summary>
    public void Load()
    {
        var key = options.Value.GovernorKey;
        if (key.Length == 0) key = ReadOrCreate();
        _hash = SHA256.HashData(Encoding.UTF8.GetBytes(key));
    }

    /// <summary>Whether this is the key. Takes the same time for every wrong one.</summary>
    public bool Matches(string key) =>
        key.Length is > 0 and <= 1024 && _hash is not null && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(key)), _hash);

    [LoggerMessage(1, LogLevel.Information, "The governor refused {Method} {Path} from {Address}: not its key")]
    internal partial void LogRefused(string method, string path, IPAddress? address);

    // Services that share the folder share the key; who comes first makes it.
    private string ReadOrCreate()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        if (!File.Exists(FilePath))
        {
            // Written whole before it has its name, so that nobody reads half of one.
            var draft = $"{FilePath}.{Guid.NewGuid():N}";
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var file = new StreamWriter(draft, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), options)) file.WriteLine(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomBytes)));
            try
            {
                File.Move(draft, FilePath, overwrite: false);
            }
            catch (IOException) when (File.Exists(FilePath))
            {
                File.Delete(draft);
            }
        }
        return File.ReadAllText(FilePath).Trim();
    }
}
