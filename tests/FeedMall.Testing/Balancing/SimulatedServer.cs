namespace FeedMall.Testing.Balancing;

/// <summary>A server with some workers and an endless queue.</summary>
internal sealed class SimulatedServer(int number, int workers)
{
    private readonly Queue<(SimulatedRequest Request, Work Work)> _waiting = new();
    private readonly HashSet<SimulatedRequest> _present = [];
    private int _busy;

    public int Number => number;

    /// <summary>Takes a request in. True: work on it starts now.</summary>
    public bool Accept(SimulatedRequest request, Work work)
    {
        _present.Add(request);
        if (!work.NeedsWorker) return true;
        if (_busy == workers)
        {
            _waiting.Enqueue((request, work));
            return false;
        }
        _busy++;
        return true;
    }

    /// <summary>A request is done. False: it was lost in a crash before. The next one, if any, starts now.</summary>
    public bool Finish(SimulatedRequest request, bool hadWorker, out (SimulatedRequest Request, Work Work)? next)
    {
        next = null;
        if (!_present.Remove(request)) return false;
        if (!hadWorker) return true;
        if (_waiting.TryDequeue(out var first)) next = first;
        else _busy--;
        return true;
    }

    /// <summary>Loses all that is there.</summary>
    public IReadOnlyList<SimulatedRequest> Crash()
    {
        SimulatedRequest[] lost = [.. _present];
        _present.Clear();
        _waiting.Clear();
        _busy = 0;
        return lost;
    }
}
