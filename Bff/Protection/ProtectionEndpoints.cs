using System.Text.Json;
using System.Text.Json.Serialization;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults.Governor;

namespace FeedMall.Bff.Protection;

/// <summary>All that protects.</summary>
internal sealed record ProtectionParts(
    Admission Admission, RateLimits Rates, Quotas Quotas, CallLimits Calls, Dependencies Dependencies, AnswerStore Answers, AnswerFetcher Fetcher, DegradeOverview Degrade);

/// <summary>/governor/protection on the operators' port: how every protection stands, and a way to change it while the service runs.</summary>
internal sealed class ProtectionEndpoints(ProtectionParts parts, ProtectionControl control, RpcChannels channels, GovernorKey key)
{
    private const string Route = "/governor/protection";
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter() },
        // A bucket without a limit has an infinite rate.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public GovernorPages ToPages() => new(
        $"{Route}  what protects this service and how it stands; PUT changes settings, DELETE takes the changes back\n", Map);

    private void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet(Route, Show);
        routes.MapPut(Route, (Delegate)ChangeAsync).RequireGovernorKey(key);
        routes.MapDelete(Route, (Delegate)Reset).RequireGovernorKey(key);
    }

    private IResult Show() => Results.Json(new
    {
        Mechanisms = new { Admission = parts.Admission.Snapshot(), RateLimit = parts.Rates.Snapshot(), Quota = parts.Quotas.Snapshot(), CallLimit = parts.Calls.Snapshot(),
            Dependencies = parts.Dependencies.Snapshot(), Cache = parts.Answers.Snapshot(), Flights = parts.Fetcher.Snapshot(), Degrade = parts.Degrade.Snapshot() },
        Endpoints = channels.All.Select(channel => new { channel.Target, Retries = channel.RetrySnapshot(), Endpoints = channel.Snapshot(), Gutter = channel.GutterSnapshot() }),
        Options = control.Options,
        Changed = control.Changed,
    }, s_json);

    private async Task<IResult> ChangeAsync(HttpContext context)
    {
        JsonDocument body;
        try
        {
            body = await JsonDocument.ParseAsync(context.Request.Body, new JsonDocumentOptions { MaxDepth = 8 }, context.RequestAborted);
        }
        catch (JsonException malformed)
        {
            return Refuse([$"The body is no JSON: {malformed.Message}"]);
        }
        using (body)
        {
            return Tell(control.Change(body.RootElement, context.Connection.RemoteIpAddress));
        }
    }

    private IResult Reset(HttpContext context) => Tell(control.Reset(context.Connection.RemoteIpAddress));

    private IResult Tell(IReadOnlyList<string> problems) => problems.Count > 0 ? Refuse(problems) : Show();

    private static IResult Refuse(IReadOnlyList<string> problems) =>
        Results.Json(new { Reason = Reasons.ValidationFailed, Message = "Nothing was changed.", Problems = problems }, s_json, statusCode: StatusCodes.Status400BadRequest);
}
