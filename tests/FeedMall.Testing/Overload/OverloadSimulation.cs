using FeedMall.Resilience;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Testing.Overload;

/// <summary>Runs a scenario against the real limiters and queues in virtual time. Fixed seeds: a run repeats exactly, and all policies see the same arrivals.</summary>
public sealed class OverloadSimulation
{
    private const int Users = 2000;
    private const double RetryMilliseconds = 50;

    private readonly SimulatedTime _time = new();
    private readonly OverloadResult _result = new();
    private readonly OverloadScenario _scenario;
    private readonly OverloadPolicy _policy;
    private readonly SimulatedWorkers _workers;
    private readonly ConcurrencyGate _gate;
    private readonly AdmissionQueue? _queue;
    private readonly UserCohort _cohorts;
    private readonly Random _arrivals;

    private OverloadSimulation(OverloadScenario scenario, OverloadPolicy policy, int seed)
    {
        _scenario = scenario;
        _policy = policy;
        _arrivals = new Random(seed);
        _workers = new SimulatedWorkers(_time, policy.Signal, new Random(seed + 1));
        _gate = policy.Gate(_workers, _time);
        _queue = policy.Queue is null ? null : new AdmissionQueue(_gate, policy.Queue, _time);
        _cohorts = new UserCohort(_time);
    }

    /// <summary>Runs to the end of the scenario.</summary>
    public static OverloadResult Run(OverloadScenario scenario, OverloadPolicy policy, int seed = 1)
    {
        var simulation = new OverloadSimulation(scenario, policy, seed);
        simulation.ScheduleArrival();
        for (var second = 0; second < OverloadScenario.Seconds; second++) simulation.Observe(second);
        simulation._time.RunUntil(OverloadScenario.Seconds);
        simulation._queue?.Dispose();
        return simulation._result;
    }

    private OverloadSecond Now => _result.Seconds[(int)_time.Seconds];

    private void Observe(int second) => _time.After(1000 * (second + 1) - 0.01, () =>
    {
        _result.Seconds[second].InFlight = _gate.InFlight;
        _result.Seconds[second].Waiting = _queue?.Waiting ?? 0;
        _result.Seconds[second].Load = _workers.Permille;
    });

    private void ScheduleArrival() => _time.After(-1000 / _scenario.RatePerSecond(_time.Seconds) * Math.Log(1 - _arrivals.NextDouble()), () =>
    {
        ScheduleArrival();
        var request = new OfferedRequest(_time.Seconds, DrawTier(), _arrivals.Next(Users));
        _result.Requests.Add(request);
        Now.Offered++;
        _ = TryAsync(request, _scenario.Retries);
    });

    private int DrawTier()
    {
        var drawn = _arrivals.NextDouble();
        var tier = 0;
        while (tier < _scenario.Tiers.Count - 1 && drawn >= _scenario.Tiers[tier]) drawn -= _scenario.Tiers[tier++];
        return tier;
    }

    private async Task TryAsync(OfferedRequest request, int retries)
    {
        Now.Attempts++;
        var attempt = new Attempt(_time.Seconds);
        // The client gives up, but the server does not hear of it.
        _time.After(OverloadScenario.DeadlineMilliseconds, () => GiveUp(request, attempt, retries));
        var permit = await EnterAsync(request);
        _result.MostWaiting = Math.Max(_result.MostWaiting, _queue?.Waiting ?? 0);
        if (!permit.IsAdmitted)
        {
            Refuse(request, attempt, retries);
            return;
        }
        var admittedAt = _time.Seconds;
        _workers.Accept(() => !_policy.DropsExpired || !attempt.IsOver, wasWanted =>
        {
            permit.Complete(wasWanted ? Outcome.Success : Outcome.Ignored);
            if (!wasWanted) Refuse(request, attempt, retries);
            else Answer(request, attempt, admittedAt);
        });
    }

    private ValueTask<Permit> EnterAsync(OfferedRequest request) => _queue is null ? ValueTask.FromResult(_gate.TryEnter())
        : _queue.EnterAsync((Criticality)request.Tier, _cohorts.Of(request.User), TimeSpan.FromMilliseconds(OverloadScenario.DeadlineMilliseconds));

    private void Answer(OfferedRequest request, Attempt attempt, double admittedAt)
    {
        _result.Executed.Add((_time.Seconds, 1000 * (_time.Seconds - attempt.At), 1000 * (admittedAt - attempt.At)));
        if (attempt.IsOver) Now.Late++;
        else
        {
            Now.Good++;
            request.IsGood = true;
        }
        attempt.IsOver = true;
    }

    private void Refuse(OfferedRequest request, Attempt attempt, int retries)
    {
        Now.Refused++;
        if (attempt.IsOver) return;
        attempt.IsOver = true;
        if (retries > 0) _time.After(RetryMilliseconds * (0.5 + _arrivals.NextDouble()), () => _ = TryAsync(request, retries - 1));
    }

    private void GiveUp(OfferedRequest request, Attempt attempt, int retries)
    {
        if (attempt.IsOver) return;
        attempt.IsOver = true;
        if (retries > 0) _ = TryAsync(request, retries - 1);
    }

    // One try of a client.
    private sealed class Attempt(double at)
    {
        public double At => at;

        /// <summary>The client has its answer, or waits no longer.</summary>
        public bool IsOver { get; set; }
    }
}
