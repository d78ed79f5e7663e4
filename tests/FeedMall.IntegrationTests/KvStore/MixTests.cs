using System.Diagnostics;
using FeedMall.Testing;
using FeedMall.Testing.Mixes;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>The loads that the server is meant for. Each user checks every answer: it reads what it wrote, and what has expired is gone.</summary>
public sealed class MixTests
{
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(1.2);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static TheoryData<string, bool> All
    {
        get
        {
            var all = new TheoryData<string, bool>();
            foreach (var mix in Mix.All)
            {
                all.Add(mix.Name, false);
                all.Add(mix.Name, true);
            }
            return all;
        }
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(All))]
    public async Task Every_user_reads_what_it_wrote_and_only_what_does_not_expire_remains(string name, bool isHigh)
    {
        await using var host = await KvHost.StartAsync();
        var mix = Mix.All.Single(mix => mix.Name == name);
        var load = isHigh ? MixLoad.High(s_duration) : MixLoad.Low(s_duration);
        var result = await MixRun.RunAsync(host.Port, mix, load, Cancel);

        Assert.All(result.Latencies, command => Assert.NotEmpty(command.Value));
        if (name != "moderate") Assert.Equal(name.Split('-')[0], result.Latencies.MaxBy(command => command.Value.Length).Key);
        using var control = await RespConnection.OpenAsync(host.Port, Cancel);
        var (entries, expected) = ("", $":{result.Lasting}⏎");
        for (var began = Stopwatch.GetTimestamp(); entries != expected && Stopwatch.GetElapsedTime(began) < s_patience; await Task.Delay(10, Cancel))
            entries = await control.AskAsync(["DBSIZE"], Cancel);
        Assert.Equal(expected, entries);
        host.Logs.AssertNoErrors();
    }
}
