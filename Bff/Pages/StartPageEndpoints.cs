using System.Net.Mime;

namespace FeedMall.Bff.Pages;

/// <summary>What a person sees who opens the address in a browser.</summary>
internal static class StartPageEndpoints
{
    private const string Html =
        """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>FeedMall</title>
        <style>
          body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; color: #222; background: #fff; }
          @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } a { color: #8ab4f8; } }
          li { margin: .3rem 0; }
        </style>
        <h1>FeedMall</h1>
        <p>Half a social feed, half a shopping mall: a backend for frontends in front of gRPC domain services, with the mechanisms
        that keep such a system alive.</p>
        <ul>
          <li><a href="/swagger">Swagger</a>: every route, to read and to try</li>
          <li><a href="/v1/pages/home">The home page</a> as a client gets it</li>
          <li><a href="/v1/feed/posts">Posts</a> · <a href="/v1/feed/videos">videos</a> · <a href="/v1/mall/shops">shops</a> ·
              <a href="/v1/mall/collections">collections</a></li>
          <li><a href="/healthz">Alive?</a> · <a href="/readyz">Ready?</a></li>
        </ul>
        <p>Metrics are on the governor's port, which by default only this machine can reach.</p>
        </html>
        """;

    public static void MapStartPage(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", () => Results.Text(Html, MediaTypeNames.Text.Html)).AllowAnonymous().ExcludeFromDescription();
        routes.MapGet("/favicon.ico", () => Results.NoContent()).AllowAnonymous().ExcludeFromDescription();
    }
}
