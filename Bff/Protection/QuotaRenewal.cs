using System.Diagnostics.Metrics;
using FeedMall.Resilience;
using FeedMall.ServiceDefaults.KeyValue;

namespace FeedMall.Bff.Protection;

/// <summary>Brings this copy's part of the quota up to date, twice a second by default and never while a request waits.</summary>
internal sealed partial class QuotaRenewal : BackgroundService
{
    // How much more often it is tried while the store cannot be reached, and until all others are back.
    private const int Hurry = 5;

    private readonly Quotas _quotas;
    private readonly QuotaNotes _notes;
    private readonly IChance _chance;
    private readonly ILogger _log;
    private readonly TimeProvider _clock;
    private bool _isShared;

    public QuotaRenewal(Quotas quotas, KeyValueStore store, IMeterFactory meters, IChance chance, ILogger<QuotaRenewal> log, TimeProvider clock)
    {
        (_quotas, _notes, _chance, _log, _clock) = (quotas, new QuotaNotes(store), chance, log, clock);
        var meter = meters.Create("FeedMall.Bff");
        meter.CreateObservableGauge("feedmall.bff.quota.leased", () => quotas.Peers.Snapshot().IsLeased ? 1 : 0, "{lease}", "1 while the copies share the quota; 0 while each goes by itself.");
        meter.CreateObservableGauge("feedmall.bff.quota.rate", () => quotas.Callers.Select(caller =>
            new Measurement<double>(caller.Bucket.Snapshot().Rate, new KeyValuePair<string, object?>("caller", caller.Name))), "{request}/s", "This copy's part of the quota.");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var settings = _quotas.Settings;
            if (settings.Enabled) await BeatAsync();
            var now = _quotas.Peers.Snapshot();
            var isUnsettled = settings.Enabled && (!now.IsLeased || now.IsReturning);
            await Task.Delay((isUnsettled ? settings.Renewal / Hurry : settings.Renewal) * (0.9 + 0.2 * _chance.NextDouble()), _clock, stoppingToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task BeatAsync()
    {
        try
        {
            await _quotas.Peers.BeatAsync((note, gone) => _notes.ExchangeAsync(_quotas.Node, note, gone));
        }
        catch (Exception defect)
        {
            // The outermost edge of this loop: a defect in it must not end the service, which goes by the fallback meanwhile.
            LogDefect(_log, defect);
        }
        var now = _quotas.Peers.Snapshot();
        if (now.IsLeased && !_isShared) LogShared(_log, now.Nodes);
        else if (!now.IsLeased && _isShared) LogAlone(_log, now.Nodes);
        _isShared = now.IsLeased;
    }

    [LoggerMessage(1, LogLevel.Information, "The quota is shared among {Copies} copies, as far as was heard")]
    private static partial void LogShared(ILogger log, int copies);

    [LoggerMessage(2, LogLevel.Warning, "The other copies cannot be heard of: this one goes by its own part of the quota, that of one of {Copies}")]
    private static partial void LogAlone(ILogger log, int copies);

    [LoggerMessage(3, LogLevel.Error, "The quota could not be renewed")]
    private static partial void LogDefect(ILogger log, Exception defect);
}
