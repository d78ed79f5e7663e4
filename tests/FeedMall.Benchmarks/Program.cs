using FeedMall.Benchmarks.Balancing;
using FeedMall.Benchmarks.Breaking;
using FeedMall.Benchmarks.Calls;
using FeedMall.Benchmarks.Decisions;
using FeedMall.Benchmarks.Edge;
using FeedMall.Benchmarks.Interop;
using FeedMall.Benchmarks.Overload;
using FeedMall.Benchmarks.Plots;
using FeedMall.Benchmarks.Kv;
using FeedMall.Benchmarks.Wire;

return args switch
{
    ["edge", .. var rest] => await EdgeBenchmark.RunAsync(rest),
    ["balancing", .. var rest] => BalancingBenchmark.Run(rest),
    ["overload", .. var rest] => await OverloadBenchmark.RunAsync(rest),
    ["overload-upstream", var port, var work] => await OverloadUpstream.RunAsync(port, work),
    ["overload-simulation", .. var rest] => OverloadSimulationPage.Run(rest),
    ["breaker", .. var rest] => BreakerBenchmark.Run(rest),
    ["edge-servers"] => await EdgeServers.RunAsync(),
    ["calls", .. var rest] => await CallsBenchmark.RunAsync(rest),
    ["calls-server"] => await CallsServer.RunAsync(),
    ["decisions", .. var rest] => await DecisionsBenchmark.RunAsync(rest),
    ["interop", .. var rest] => await InteropReport.RunAsync(rest),
    ["plots", .. var rest] => PlotsCommand.Run(rest),
    ["kv-attack", .. var rest] => await KvHostile.AttackAsync(rest),
    ["kv", .. var rest] => await KvBenchmark.RunAsync(rest),
    ["wire", .. var rest] => await WireBenchmark.RunAsync(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        Benchmarks of FeedMall: ./bench NAME [OPTIONS]. Run them with nothing else on the machine.

          edge [--out FILE] [--rounds N] [--seconds N] [--connections N]
              requests per second and latency of GET /v1/feed/posts/{id} through the Bff, of the same call to Domain.Feed
              direct, and of a bare Kestrel route, taking turns in one run. Default: 5 rounds of 3 s each, 32 at a time.

          calls [--out FILE] [--rounds N] [--seconds N] [--callers N,N,…] [--only PART OF A NAME]
              calls per second, latency and bytes allocated per call on each side: unary calls of 100 B and 10 KB and a server
              stream through Rpc, and beside them a bare Kestrel HTTP/2 POST echo called by a bare HttpClient, taking turns in one run.

          balancing [--out FILE]
              the balancers against slow, failing, healing and joining servers, simulated in virtual time.

          overload [--out FILE] [--lead SECONDS] [--seconds SECONDS] [--work KIB/PLACES/MS] [--loads N,N,…]
              the real Bff at up to ten times what it and a domain service can do, protections off and on, by an open loop; what a refusal costs.
              The picture goes beside FILE. Default: 5 s, then 10 s that are measured, of 1, 2, 5 and 10 times; 8192/0/0: 8 MiB to hash for each
              answer, and no wait of MS with one of PLACES.

          overload-simulation [--out FILE]
              a server at up to ten times what it can do, without protection and with each of ours, simulated in virtual time.

          breaker [--out FILE]
              the breakers against overloaded, flaky and dead targets and one with a standby, simulated in virtual time.

          decisions [--out FILE]
              what each decision of the room Resilience costs beside Polly's and the framework's, by BenchmarkDotNet: nanoseconds and bytes
              allocated, with one thread and with eight.

          interop [--out FILE]
              the official gRPC interop cases between our runtime, Node's and Python's, as a table. Needs what ./test.sh installs.

          plots --out FOLDER
              the pictures of docs/algorithms, from the simulations that the tests check; the same bytes each time.

          kv [speed] [append] [expiry] [flush] [mixes] [hostile] [reads] [--out FILE] [--quick] [--rounds N] [--operations N] [--entries N] [--seconds N]
              KvStore beside redis-server in turns: redis-benchmark, processor time and memory; with an append-only file; entries that expire or are flushed at once;
              four mixes of commands at low and high load; hostile clients; reading a post with and without the cache. Without a name: all of them.
              Default: 3 rounds of 1,000,000 operations, 1,000,000 entries, 5 s for each load. Needs what ./test.sh installs.

          wire [--out FILE]
              the parts of a call and whole calls in one process, by BenchmarkDotNet: nanoseconds and bytes allocated.
        """);
    return 2;
}
