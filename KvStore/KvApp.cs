using FeedMall.KvStore.Network;
using FeedMall.KvStore.Persistence;
using FeedMall.KvStore.Toy;
using FeedMall.Resilience;
using FeedMall.ServiceDefaults;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace FeedMall.KvStore;

/// <summary>The key-value server: the cache tier, spoken to with RESP.</summary>
public static class KvApp
{
    /// <summary>A service ready to start.</summary>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("Kv", HttpProtocols.None, args);
        builder.Services.AddSingleton<IValidateOptions<KvOptions>, KvOptionsValidator>();
        builder.Services.AddOptions<KvOptions>().BindConfiguration(KvOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IChance, SystemChance>();
        builder.Services.AddSingleton<KvEngine>();
        builder.Services.AddSingleton<KvMetrics>();
        builder.Services.AddSingleton<IServer, KvServer>();
        // Before the sweeper and the server: the data is there before anything looks at it.
        builder.Services.AddHostedService<PersistenceService>();
        builder.Services.AddHostedService<KvSweeper>();
        builder.Services.AddHostedService<ToyServer>();
        var app = builder.Build();
        // Nobody else asks for it.
        app.Services.GetRequiredService<KvMetrics>();
        return app;
    }

    /// <summary>
    /// The same as a process of its own: sockets call back on the thread that watches them, which saves a change of threads for each request. In a
    /// process with other servers that would let one slow handler hold up all of them.
    /// </summary>
    public static WebApplication BuildAlone(string[] args)
    {
        UseUnlessSet("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        UseUnlessSet("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1");
        return Build(args);
    }

    // Read by the runtime when the first socket is made.
    private static void UseUnlessSet(string variable, string value)
    {
        if (Environment.GetEnvironmentVariable(variable) is null) Environment.SetEnvironmentVariable(variable, value);
    }
}
