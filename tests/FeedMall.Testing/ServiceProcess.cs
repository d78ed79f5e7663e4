using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;

namespace FeedMall.Testing;

/// <summary>One of the programs as a real process, started the way an operator does: dotnet, its dll, options.</summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly StringBuilder _output = new();
    private readonly Task _pumps;

    private ServiceProcess(Process process)
    {
        _process = process;
        _pumps = Task.WhenAll(PumpAsync(process.StandardOutput), PumpAsync(process.StandardError))
            .ContinueWith(_ => _lines.Writer.Complete(), TaskScheduler.Default);
    }

    /// <summary>Its process.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Everything that it printed so far, both streams.</summary>
    public string Output
    {
        get { lock (_output) return _output.ToString(); }
    }

    /// <summary>Starts "Bff", "Domain.Feed", "Domain.Mall" or "AllInOne" in a folder.</summary>
    public static ServiceProcess Start(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program + ".dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        return new ServiceProcess(Process.Start(start)!);
    }

    /// <summary>Waits until it prints a line with this text; fails with all its output when it ends before, or takes longer than three minutes, which is far more than it needs on a slow machine.</summary>
    public async Task<string> WaitForLineAsync(string text, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TimeSpan.FromMinutes(3));
        try
        {
            await foreach (var line in _lines.Reader.ReadAllAsync(timeout.Token))
            {
                if (line.Contains(text, StringComparison.Ordinal)) return line;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"'{text}' did not appear within three minutes. Output:\n{Output}");
        }
        throw new InvalidOperationException($"The program ended without printing '{text}'. Output:\n{Output}");
    }

    /// <summary>Waits for its end and returns the exit code.</summary>
    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        await _pumps;
        return _process.ExitCode;
    }

    /// <summary>Sends what Ctrl+C sends, and returns the exit code and the time it took to stop.</summary>
    public async Task<(int ExitCode, TimeSpan Took)> InterruptAsync(CancellationToken cancellationToken)
    {
        var sent = Stopwatch.GetTimestamp();
        using (var kill = Process.Start("kill", ["-INT", _process.Id.ToString(CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync(cancellationToken);
        var exitCode = await WaitForExitAsync(cancellationToken);
        return (exitCode, Stopwatch.GetElapsedTime(sent));
    }

    /// <summary>Ends it the hard way, as a crash or kill -9 does.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        await _pumps;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private async Task PumpAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_output) _output.AppendLine(line);
            _lines.Writer.TryWrite(line);
        }
    }
}
