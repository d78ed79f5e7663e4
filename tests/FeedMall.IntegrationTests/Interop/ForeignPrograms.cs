using System.Diagnostics;
using System.Text.Json;

namespace FeedMall.IntegrationTests.Interop;

/// <summary>How a case went.</summary>
/// <param name="Detail">What was wrong.</param>
internal sealed record CaseResult(string Case, bool Ok, string Detail);

/// <summary>The interop client and server programs in the folders node and python.</summary>
internal static class ForeignPrograms
{
    // A whole run of all cases takes a few seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>The folder that holds FeedMall.sln.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>Lets the client of a peer run these cases against a server. What it does not report counts as failed.</summary>
    public static async Task<IReadOnlyList<CaseResult>> RunClientAsync(
        Peer peer, string address, IReadOnlyList<InteropCase> cases, CancellationToken cancellationToken)
    {
        using var process = Start(peer, "client", [address, Repository, .. cases.Select(one => one.Name)]);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        var results = new Dictionary<string, CaseResult>();
        var end = "";
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(Patience);
            while (await process.StandardOutput.ReadLineAsync(timeout.Token) is { } line)
            {
                var result = JsonSerializer.Deserialize<CaseResult>(line, JsonSerializerOptions.Web)!;
                results.Add(result.Case, result);
            }
            await process.WaitForExitAsync(timeout.Token);
            end = $"The program ended with {process.ExitCode}: {await errors}";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            end = $"The program did not end within {Patience}.";
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
        return [.. cases.Select(one => results.GetValueOrDefault(one.Name) ?? new CaseResult(one.Name, false, $"Nothing reported. {end}"))];
    }

    /// <summary>The first line that a command prints, for example its version.</summary>
    public static async Task<string> AskAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Split('\n')[0].Trim();
    }

    /// <summary>The program of a peer, "client" or "server", with all its streams in our hands.</summary>
    internal static Process Start(Peer peer, string role, IReadOnlyList<string> arguments)
    {
        var tests = Path.Combine(Repository, "tests", "FeedMall.IntegrationTests");
        var (program, script) = peer switch
        {
            Peer.Node => ("node", (string[])[Path.Combine(tests, "node", $"interop-{role}.js")]),
            // Not the first python3 of the PATH: the packages are Debian's. -B: no compiled files in the repository.
            Peer.Python => ("/usr/bin/python3", ["-B", Path.Combine(tests, "python", $"interop_{role}.py")]),
            _ => throw new ArgumentOutOfRangeException(nameof(peer), peer, "Ours is not foreign."),
        };
        return Process.Start(new ProcessStartInfo(program, [.. script, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // Both would call through the proxy of the machine, also on the loopback interface.
            Environment = { ["no_grpc_proxy"] = "127.0.0.1" },
        })!;
    }

    private static string FindRepository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FeedMall.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"FeedMall.sln is in no folder above {AppContext.BaseDirectory}.");
    }
}

/// <summary>A running interop server of a peer.</summary>
internal sealed class ForeignServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process _process;

    private ForeignServer(Process process, string address) => (_process, Address) = (process, address);

    /// <summary>"127.0.0.1:PORT".</summary>
    public string Address { get; }

    public static async Task<ForeignServer> StartAsync(Peer peer, CancellationToken cancellationToken)
    {
        var process = ForeignPrograms.Start(peer, "server", [ForeignPrograms.Repository]);
        // Read all the time, or a server that complains a lot would stand still.
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            var port = await process.StandardOutput.ReadLineAsync(cancellationToken).AsTask().WaitAsync(Patience, cancellationToken)
                ?? throw new InvalidOperationException($"The {peer} server did not start: {await errors}");
            return new ForeignServer(process, $"127.0.0.1:{port}");
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        try
        {
            await _process.WaitForExitAsync().WaitAsync(Patience);
        }
        finally
        {
            if (!_process.HasExited) _process.Kill();
            _process.Dispose();
        }
    }
}
