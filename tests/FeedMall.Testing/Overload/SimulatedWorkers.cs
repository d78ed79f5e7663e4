using FeedMall.Resilience.Load;

namespace FeedMall.Testing.Overload;

/// <summary>The workers of a server and the queue before them, and how busy they are.</summary>
internal sealed class SimulatedWorkers : ILoadSignal
{
    private readonly Queue<(Func<bool> IsWanted, Action<bool> Done)> _waiting = new();
    private readonly SimulatedTime _time;
    private readonly Random _random;
    private readonly LoadOptions _signal;
    private int _busy;
    private double _busySeconds;
    private double _changedAt;
    private double _measured;

    public SimulatedWorkers(SimulatedTime time, LoadOptions signal, Random random)
    {
        _time = time;
        _signal = signal;
        _random = random;
        time.After(signal.Tick.TotalMilliseconds, Tick);
    }

    public double Permille { get; private set; }

    /// <summary>Works on it when its turn comes, if it is wanted then, and tells whether it was.</summary>
    public void Accept(Func<bool> isWanted, Action<bool> done)
    {
        _waiting.Enqueue((isWanted, done));
        StartNext();
    }

    private void StartNext()
    {
        while (_busy < OverloadScenario.Workers && _waiting.TryDequeue(out var next))
        {
            if (!next.IsWanted())
            {
                next.Done(false);
                continue;
            }
            Change(+1);
            _time.After(-1000 * OverloadScenario.Workers / OverloadScenario.Capacity * Math.Log(1 - _random.NextDouble()), () =>
            {
                Change(-1);
                next.Done(true);
                StartNext();
            });
        }
    }

    private void Change(int by)
    {
        _busySeconds += _busy * (_time.Seconds - _changedAt);
        _changedAt = _time.Seconds;
        _busy += by;
    }

    private void Tick()
    {
        Change(0);
        var raw = 1000 * (_busySeconds - _measured) / (OverloadScenario.Workers * _signal.Tick.TotalSeconds);
        _measured = _busySeconds;
        Permille = Permille * _signal.CpuDecay + Math.Min(1000, raw) * (1 - _signal.CpuDecay);
        _time.After(_signal.Tick.TotalMilliseconds, Tick);
    }
}
