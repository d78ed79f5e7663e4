using System.Globalization;

namespace FeedMall.Benchmarks.Overload;

/// <summary>The runs as a page and a picture.</summary>
internal sealed class OverloadPage(OverloadPlan plan, OverloadSeries computes, OverloadSeries waits, RequestCost answered, RequestCost refused, string conditions)
{
    // What was done after the first figures, each taken by this benchmark.
    private const string Limits = """
        Calls of each method are limited by their own times (decision 0013), which is what these tables show most of. The commit before (`3b23207`) had only a bulkhead and a
        breaker there: 87, 88 and 87 % of the peak at 2×, 5× and 10×, 73, 69 and 80 % of critical_plus, and nothing good in the third second of 2×, 5×, and even 1×; of the service that
        waits all of the peak, but 53 % and 22 % of critical_plus at 2× and 5×. The Bff's heap does not adapt its size any more: at 5× that is 0.26 and 0.28 cores in place of 0.30 to 0.37, and
        405, 406 good/s in place of 370 to 383, for 470 MB in place of 260 to 310.
        """;

    private const string Refusals = """
        What was done for it: a refusal used to take part in the making of an answer (a flight of its own that admission then refused), was logged, and was written in
        chunks. Now who would be refused at the door is refused before anything is begun, counted and not logged, and written at once. Before and after, taken in
        turns: 91 and 112 µs of processor time, then 32 and 30; 0.20 and 0.22 ms, then 0.08 and 0.08; 17,661 and 14,502 refusals/s, then 39,942 and 43,536.
        """;

    public string ToMarkdown(string picture) => string.Create(CultureInfo.InvariantCulture, $"""
        # The edge under overload, with its protections and without

        The real Bff before a domain service, each a process, and an open loop of requests for posts at up to ten times what both can do together: first with all
        protections off, then with all of them on as they are by default. An answer is good when it is a 200 and comes within {OverloadBenchmark.Deadline.TotalSeconds:0} s (the Bff's own default) of the
        moment when its request was to be sent.

        ![Good answers per second by load]({picture})

        Made by `./bench overload --out docs/results/overload.md`.

        {conditions}

        - **The work.** For each answer the domain service {computes.Work.Describe()}, and has no protection but its deadline. Each request is for another
          post, so no cache can help. The common store of the caches is left out. Logs are written as by default, to a file.
        - **The capacity.** {computes.Capacity:N0} answers/s, the best of {string.Join(", ", OverloadBenchmark.Callers.Skip(1).Order())} callers who each wait for their last answer, protections off: 1× in the tables. The peak is the best of that and of all runs: {computes.Peak:N0}/s.
        - **The load.** Times are drawn before the start, at random distances (a Poisson process with a fixed seed), and do not depend on any answer. {Arrivals.Mix[0] / 10} % of the requests
          are critical_plus, {Arrivals.Mix[1] / 10} % critical, {Arrivals.Mix[2] / 10} % each sheddable_plus and sheddable, of {Arrivals.Clients:N0} clients. A request has a connection to itself, of at most {OverloadBenchmark.MaxSockets:N0}; who has no whole answer
          after {OpenLoop.Patience.TotalSeconds:0} s goes away. Each load lasts {(plan.Lead + plan.Measured).TotalSeconds:0} s; the figures are of the last {plan.Measured.TotalSeconds:0} s; the first {plan.Lead.TotalSeconds:0} s are in the last table.
        - **The machine** is shared by all of them. The last table says what the load took of it, and how late it was: from when a request was to be sent until it was.

        {computes.Table}

        {Limits}

        ## Who got no good answer, and why

        Per second, and by tier. Times are those from the client's side until the whole answer.

        {computes.FailureTable}

        ## A domain service that waits

        The same with one that {waits.Work.Describe()}, as for a database: its processor, and that of the Bff, have next to nothing to do, so no load is
        seen anywhere, and only the times of the calls tell that there is too much. Capacity {waits.Capacity:N0} answers/s, peak {waits.Peak:N0}/s.

        {waits.Table}

        {waits.FailureTable}

        ## What a refusal costs

        A Bff all of whose places are taken, beside one that hands the work to a domain service that does none. With one caller: how long it takes. With 16: how many, and the
        processor time of the Bff's process for each. A test (`tests/FeedMall.IntegrationTests/Bff/Protection/AdmissionTests.cs`) shows that the body is not read.

        {CostTable}

        {Refusals}

        ## The load itself, and the first seconds

        {computes.MachineTable}

        With the one that waits:

        {waits.MachineTable}

        """);

    public string ToSvg() => computes.ToSvg();

    private string CostTable => string.Join('\n', "| | p50 ms | p99 ms | per second | CPU µs |", "| --- | ---: | ---: | ---: | ---: |", Cost("answered", answered), Cost("refused", refused));

    private static string Cost(string name, RequestCost cost) => string.Create(CultureInfo.InvariantCulture,
        $"| {name} | {cost.Calm.Median.TotalMilliseconds:0.00} | {cost.Calm.P99.TotalMilliseconds:0.00} | {cost.Busy.PerSecond:N0} | {cost.Microseconds:0} |");
}
