using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Server;
using FeedMall.Tests.Rpc.Proto;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>
/// A real Kestrel on a free loopback port with the echo service, a real client for it, and what was logged. Times are long, because a busy machine takes what it
/// likes for anything; a test about a time sets its own, best on a clock that it moves.
/// </summary>
internal sealed class EchoHost : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly ServiceProvider _clients;
    private readonly WebApplication _app;
    private readonly LogRecorder _logs;

    private EchoHost(WebApplication app, ServiceProvider clients, LogRecorder logs, Uri address) =>
        (_app, _clients, _logs, Address) = (app, clients, logs, address);

    public Uri Address { get; }

    public Echo.EchoClient Client => _clients.GetRequiredService<Echo.EchoClient>();

    public Grpc.Health.V1.Health.HealthClient Health => _clients.GetRequiredService<Grpc.Health.V1.Health.HealthClient>();

    public EchoScript Script => _app.Services.GetRequiredService<EchoScript>();

    public IEnumerable<LogRecord> Errors => _logs.Records.Where(record => record.Level >= LogLevel.Error);

    public IServiceProvider ClientServices => _clients;

    public IServiceProvider ServerServices => _app.Services;

    /// <param name="clock">What both sides measure the time of calls with; null: the system's.</param>
    public static async Task<EchoHost> StartAsync(
        Action<GrpcServiceOptions>? server = null, Action<GrpcClientOptions>? client = null,
        X509Certificate2? certificate = null, Action<IServiceCollection>? services = null, HttpProtocols protocols = HttpProtocols.Http2,
        Action<ListenOptions>? listen = null, TimeProvider? clock = null)
    {
        var logs = new LogRecorder();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(logs).SetMinimumLevel(LogLevel.Debug);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, port =>
        {
            port.Protocols = protocols;
            if (certificate is not null) port.UseHttps(certificate);
            listen?.Invoke(port);
        }));
        builder.Services.AddSingleton<EchoScript>();
        if (clock is not null) builder.Services.AddSingleton(clock);
        builder.Services.AddGrpc(options =>
        {
            (options.DefaultTimeout, options.MaxTimeout) = (s_patience, TimeSpan.FromMinutes(10));
            server?.Invoke(options);
        });
        services?.Invoke(builder.Services);
        var app = builder.Build();
        app.MapGrpcService<EchoService>();
        app.MapGrpcReflection();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        var clients = CreateClients(address, client, clock);
        return new EchoHost(app, clients, logs, address);
    }

    public static ServiceProvider CreateClients(Uri address, Action<GrpcClientOptions>? configure = null, TimeProvider? clock = null)
    {
        var services = new ServiceCollection();
        if (clock is not null) services.AddSingleton(clock);
        void Configure(IServiceProvider provider, GrpcClientOptions options)
        {
            options.Addresses = [address];
            (options.DefaultTimeout, options.ConnectTimeout) = (s_patience, s_patience);
            configure?.Invoke(options);
        }
        return services.AddGrpcClient<Echo.EchoClient>(Configure).AddGrpcClient<Grpc.Health.V1.Health.HealthClient>(Configure).BuildServiceProvider();
    }

    public Task StopAsync() => _app.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _clients.DisposeAsync();
        await _app.DisposeAsync();
    }
}

internal sealed record LogRecord(string Category, LogLevel Level, string Text, Exception? Exception);

internal sealed class LogRecorder : ILoggerProvider
{
    public ConcurrentQueue<LogRecord> Records { get; } = new();

    public ILogger CreateLogger(string categoryName) => new Recorder(this, categoryName);

    public void Dispose() { }

    private sealed class Recorder(LogRecorder owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            owner.Records.Enqueue(new LogRecord(category, logLevel, formatter(state, exception), exception));
    }
}
