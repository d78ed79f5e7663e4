using System.Diagnostics;
using System.Text.Json.Nodes;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>What the image contains: one publish of AllInOne, from which every service can be started as docker-compose.yml does it.</summary>
public sealed class PublishTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_service_runs_from_the_publish_output_with_the_settings_of_the_compose_file()
    {
        var output = Path.Combine(_folder.Path, "app");
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var (code, log) = await Shell.RunAsync("dotnet",
            ["publish", "AllInOne", "--no-build", "-c", configuration == "debug" ? "Debug" : "Release", "-o", output, "-v", "quiet", "--nologo"]);
        Assert.True(code == 0, log);

        var services = ContainerFacts.Yaml(Repository.Read("docker-compose.yml").Text).Single()["services"]!.AsObject()
            .Where(service => service.Value!["image"]!.ToString() == "feedmall").ToDictionary(service => service.Key, service => service.Value!);
        Assert.NotEmpty(services);
        var ports = new Dictionary<string, string>();
        var running = new List<Process>();
        try
        {
            // The compose file starts a service once those before it are healthy; the order of the text is the same.
            foreach (var (name, service) in services)
            {
                running.Add(Start(output, service, services.Keys, ports));
                await UntilHealthyAsync(output, name, service, ports, running[^1]);
            }
        }
        finally
        {
            foreach (var process in running)
            {
                process.Kill();
                await process.WaitForExitAsync(CancellationToken.None);
                process.Dispose();
            }
        }
    }

    private Process Start(string output, JsonNode service, IEnumerable<string> hosts, Dictionary<string, string> ports)
    {
        var start = new ProcessStartInfo("dotnet", service["command"]!.AsArray().Select(word => word!.ToString()))
        {
            WorkingDirectory = output,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DataDirectory"] = Path.Combine(_folder.Path, "data");
        foreach (var (key, value) in service["environment"]!.AsObject())
        {
            start.Environment[key] = key.EndsWith("__Database", StringComparison.Ordinal) ? key + ".db"
                : key == "Kv__BindAddress" ? "127.0.0.1"
                : key == "Kv__Port" ? Free(value!.ToString(), ports)
                : ContainerFacts.Stores(key, value!.ToString()).ToList() is { Count: > 0 } stores ? string.Join(',', stores.Select(store => $"127.0.0.1:{Free(store.Port, ports)}"))
                : Local(value.ToString(), hosts, ports);
        }
        return Process.Start(start)!;
    }

    // The services share this machine, so every host becomes the loopback interface and every port a free one.
    private static string Local(string text, IEnumerable<string> hosts, Dictionary<string, string> ports)
    {
        foreach (var port in ContainerFacts.PortsIn(text).ToList())
        {
            var free = Free(port, ports);
            foreach (var host in hosts.Append("0.0.0.0").Append("127.0.0.1"))
                text = text.Replace($"http://{host}:{port}", $"http://127.0.0.1:{free}", StringComparison.Ordinal);
        }
        return text;
    }

    private static string Free(string port, Dictionary<string, string> ports)
    {
        if (!ports.TryGetValue(port, out var free)) ports[port] = free = FreePort.Next().ToString(System.Globalization.CultureInfo.InvariantCulture);
        return free;
    }

    private static async Task UntilHealthyAsync(string output, string name, JsonNode service, Dictionary<string, string> ports, Process process)
    {
        var check = service["healthcheck"]!["test"]!.AsArray().Select(word => Local(word!.ToString(), [], ports)).ToList();
        Assert.Equal(["CMD", "dotnet"], check[..2]);
        var said = "";
        for (var attempt = 0; attempt < 30 && !process.HasExited; attempt++)
        {
            (var code, said) = await Shell.RunAsync("dotnet", [Path.Combine(output, check[2]), .. check[3..]]);
            if (code == 0) return;
        }
        if (!process.HasExited) process.Kill();
        Assert.Fail($"{name} did not become healthy.\n{said}\n{await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)}" +
            await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
    }
}
