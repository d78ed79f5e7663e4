using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Xunit;

namespace FeedMall.Testing;

/// <summary>
/// A real PostgreSQL server for tests, on a free port of the loopback interface with its files in a temporary folder. Use it as an
/// assembly fixture: it starts when the first test asks for a database and ends with the test program.
/// </summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private readonly Lazy<Task<(Process Process, int Port, string Folder)>> _server = new(StartAsync);
    private int _databases;

    /// <summary>Creates an empty database of its own and returns its connection string.</summary>
    public async Task<string> CreateDatabaseAsync(CancellationToken cancellationToken)
    {
        var (_, port, _) = await _server.Value.WaitAsync(cancellationToken);
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}");
        await using var connection = new NpgsqlConnection(ConnectionString(port, "postgres"));
        await connection.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = $"CREATE DATABASE {name}";
        await command.ExecuteNonQueryAsync(cancellationToken);
        return ConnectionString(port, name);
    }

    /// <inheritdoc/>
    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_server.IsValueCreated) return;
        NpgsqlConnection.ClearAllPools();
        var (process, _, folder) = await _server.Value;
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static string ConnectionString(int port, string database) =>
        $"Host=127.0.0.1;Port={port};Database={database};Username=tester;Maximum Pool Size=40";

    private static async Task<(Process, int, string)> StartAsync()
    {
        var programs = FindPrograms();
        var folder = Directory.CreateTempSubdirectory("feedmall-pg-").FullName;
        // PostgreSQL refuses to run as root; its Debian package brings the user "postgres" for that.
        var asUser = Environment.UserName == "root" ? "postgres" : null;
        if (asUser is not null) await RunAsync("chown", [asUser, folder], asUser: null);

        var data = Path.Combine(folder, "data");
        await RunAsync(Path.Combine(programs, "initdb"),
            ["--no-sync", "--auth=trust", "--username=tester", "--encoding=UTF8", "--no-locale", "-D", data], asUser);
        var port = FreePort.Next();
        var process = Launch(Path.Combine(programs, "postgres"),
            ["-D", data, "-p", port.ToString(CultureInfo.InvariantCulture), "-k", folder, "-c", "listen_addresses=127.0.0.1",
             "-c", "fsync=off", "-c", "max_connections=300"], asUser);
        await WaitUntilReadyAsync(process);
        return (process, port, folder);
    }

    private static async Task WaitUntilReadyAsync(Process process)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var lines = new List<string>();
        while (await process.StandardError.ReadLineAsync(timeout.Token) is { } line)
        {
            lines.Add(line);
            if (!line.Contains("ready to accept connections", StringComparison.Ordinal)) continue;
            // Keep reading, or the server would block on a full pipe.
            _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
            return;
        }
        throw new InvalidOperationException("PostgreSQL ended at its start:\n" + string.Join('\n', lines));
    }

    private static async Task RunAsync(string program, string[] arguments, string? asUser)
    {
        using var process = Launch(program, arguments, asUser);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} failed:\n{await output}\n{await errors}");
    }

    private static Process Launch(string program, string[] arguments, string? asUser)
    {
        string[] command = asUser is null ? [program, .. arguments] : ["runuser", "-u", asUser, "--", program, .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/tmp",
        };
        start.Environment["LC_ALL"] = "C";
        return Process.Start(start)!;
    }

    private static string FindPrograms()
    {
        const string debian = "/usr/lib/postgresql";
        var newest = Directory.Exists(debian)
            ? Directory.GetDirectories(debian).OrderByDescending(path => path, StringComparer.Ordinal)
                .Select(path => Path.Combine(path, "bin")).FirstOrDefault(path => File.Exists(Path.Combine(path, "initdb")))
            : null;
        return newest ?? throw new InvalidOperationException("These tests need PostgreSQL: run ./test.sh once, or apt-get install postgresql.");
    }
}
