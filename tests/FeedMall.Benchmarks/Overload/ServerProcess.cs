using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace FeedMall.Benchmarks.Overload;

/// <summary>One of our programs as a process of its own; what it logs goes to a file. It ends with the benchmark.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly EventHandler _end;

    private ServerProcess(Process process)
    {
        _process = process;
        _end = (_, _) => _process.Kill();
        AppDomain.CurrentDomain.ProcessExit += _end;
    }

    /// <summary>Processor time of all its threads so far.</summary>
    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Starts a program beside this one, and waits until it listens.</summary>
    /// <param name="program">The name of its dll.</param>
    public static async Task<ServerProcess> StartAsync(string folder, string program, int port, params string[] arguments)
    {
        var log = Path.Combine(folder, $"{program}-{port}.log");
        // The shell only sends the output to the file, as operators do; then it becomes the program.
        var start = new ProcessStartInfo("sh", ["-c", $"exec dotnet \"$0\" \"$@\" >'{log}' 2>&1", Path.Combine(AppContext.BaseDirectory, program + ".dll"), .. arguments]) { WorkingDirectory = folder };
        var server = new ServerProcess(Process.Start(start)!);
        var begun = Stopwatch.GetTimestamp();
        while (!await IsListeningAsync(port))
        {
            if (server._process.HasExited || Stopwatch.GetElapsedTime(begun) > TimeSpan.FromSeconds(30)) throw new InvalidOperationException($"{program} did not start: {await File.ReadAllTextAsync(log)}");
            await Task.Delay(50);
        }
        return server;
    }

    /// <summary>Looks at its memory ten times a second until it is cancelled: the most that it held, in bytes.</summary>
    public async Task<long> WatchAsync(CancellationToken cancel)
    {
        long peak = 0;
        while (!cancel.IsCancellationRequested)
        {
            _process.Refresh();
            peak = Math.Max(peak, _process.WorkingSet64);
            await Task.Delay(100, CancellationToken.None);
        }
        return peak;
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _end;
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static async Task<bool> IsListeningAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
