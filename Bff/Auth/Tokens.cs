using System.Security.Claims;
using FeedMall.Bff.Feed;
using FeedMall.Bff.Requests;
using FeedMall.ServiceDefaults;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Auth;

/// <summary>Tokens of the framework's bearer-token kind: opaque, encrypted, with an end. No server keeps a list of them.</summary>
internal sealed class Tokens(IOptionsMonitor<BearerTokenOptions> bearer, IOptionsMonitor<BffOptions> options, TimeProvider clock)
{
    private const string Scheme = BearerTokenDefaults.AuthenticationScheme;

    /// <summary>A new token for a user whose password was checked.</summary>
    public TokenView Issue(long uid)
    {
        var expires = clock.GetUtcNow() + options.CurrentValue.TokenLifetime;
        var identity = new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, Id.Write(uid))], Scheme);
        var ticket = new AuthenticationTicket(new ClaimsPrincipal(identity), new AuthenticationProperties { ExpiresUtc = expires }, Scheme);
        return new TokenView(
            bearer.Get(Scheme).BearerTokenProtector.Protect(ticket), Id.Write(uid), Instants.Write(expires.ToUnixTimeMilliseconds()));
    }

    /// <summary>Wires the checking of tokens. Their keys lie in a folder, so that tokens outlive a restart and every copy of the Bff knows them.</summary>
    public static void Add(WebApplicationBuilder builder)
    {
        builder.Services.AddAuthentication(Scheme).AddBearerToken();
        builder.Services.AddAuthorization();
        builder.Services.AddSingleton<Tokens>();
        builder.Services.AddDataProtection().SetApplicationName("FeedMall.Bff");
        builder.Services.AddOptions<KeyManagementOptions>().Configure<IOptions<BffOptions>, IOptions<DataOptions>, ILoggerFactory>((keys, bff, data, logs) =>
        {
            var folder = Directory.CreateDirectory(Path.Combine(Path.GetFullPath(data.Value.DataDirectory), bff.Value.KeysDirectory));
            // Whoever reads the keys can be any user.
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder.FullName, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            keys.XmlRepository = new FileSystemXmlRepository(folder, logs);
        });
        // It warns at each start that the keys lie unencrypted in the folder; the folder's mode and docs/CONFIG.md say so.
        builder.Logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
    }
}
