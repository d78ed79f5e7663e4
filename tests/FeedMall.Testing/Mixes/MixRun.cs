using System.Diagnostics;

namespace FeedMall.Testing.Mixes;

/// <summary>All users of a load at once.</summary>
public static class MixRun
{
    /// <summary>Runs a mix, then waits until the last expiry is over.</summary>
    /// <exception cref="InvalidDataException">A user was answered wrongly.</exception>
    public static async Task<MixResult> RunAsync(int port, Mix mix, MixLoad load, CancellationToken cancellationToken)
    {
        var users = await Task.WhenAll(Enumerable.Range(0, load.Users).Select(number => MixUser.OpenAsync(port, number, cancellationToken)));
        try
        {
            var began = Stopwatch.GetTimestamp();
            await Task.WhenAll(users.Select(user => Task.Run(() => user.RunAsync(mix, load, cancellationToken), cancellationToken)));
            var elapsed = Stopwatch.GetElapsedTime(began);
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), users.Max(user => user.LastExpiry));
            if (left > TimeSpan.Zero) await Task.Delay(left, cancellationToken);
            var latencies = users[0].Latencies.Keys.ToDictionary(command => command, command => users.SelectMany(user => user.Latencies[command]).Order().ToArray());
            return new MixResult(elapsed, latencies, users.Sum(user => user.Lasting));
        }
        finally
        {
            foreach (var user in users) user.Dispose();
        }
    }
}
