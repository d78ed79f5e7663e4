using System.Runtime.ExceptionServices;

namespace FeedMall.Tests.Resilience;

/// <summary>Many threads at once on one object.</summary>
internal static class Stress
{
    public const int Threads = 8;

    /// <summary>
    /// Runs the act a million times on each of eight threads that begin together. The act gets the number of its thread, 0 to 7, and of its turn.
    /// The first exception of any thread is thrown.
    /// </summary>
    public static void Run(Action<int, int> act, int turns = 1_000_000)
    {
        using var begin = new Barrier(Threads);
        ExceptionDispatchInfo? failure = null;
        var threads = Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
        {
            begin.SignalAndWait();
            try
            {
                for (var turn = 0; turn < turns; turn++) act(thread, turn);
            }
            catch (Exception e)
            {
                failure ??= ExceptionDispatchInfo.Capture(e);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        failure?.Throw();
    }
}
