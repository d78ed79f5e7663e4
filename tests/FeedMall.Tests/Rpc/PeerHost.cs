using System.Collections.Concurrent;
using System.Net;
using FeedMall.Rpc.Client;
using FeedMall.Tests.Rpc.Proto;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>A bare Kestrel that answers as a test wants, also wrongly, and our client for it.</summary>
internal sealed class PeerHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ServiceProvider _clients;
    private readonly TaskCompletionSource _aborted;

    private PeerHost(WebApplication app, ServiceProvider clients, TaskCompletionSource aborted, ConcurrentQueue<HeaderDictionary> calls) =>
        (_app, _clients, _aborted, Calls) = (app, clients, aborted, calls);

    public Echo.EchoClient Client => _clients.GetRequiredService<Echo.EchoClient>();

    /// <summary>The headers of every call that arrived.</summary>
    public ConcurrentQueue<HeaderDictionary> Calls { get; }

    /// <summary>Completes when a client has reset its stream.</summary>
    public Task Aborted => _aborted.Task;

    public static async Task<PeerHost> StartAsync(
        Func<HttpContext, Task> answer, Action<GrpcClientOptions>? client = null, TimeProvider? clock = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var calls = new ConcurrentQueue<HeaderDictionary>();
        app.Run(http =>
        {
            calls.Enqueue(new HeaderDictionary(http.Request.Headers.ToDictionary(StringComparer.OrdinalIgnoreCase)));
            http.RequestAborted.Register(() => aborted.TrySetResult());
            return answer(http);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return new PeerHost(app, EchoHost.CreateClients(address, client, clock), aborted, calls);
    }

    public async ValueTask DisposeAsync()
    {
        await _clients.DisposeAsync();
        await _app.DisposeAsync();
    }
}
