using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using FeedMall.Rpc;
using FeedMall.Rpc.Errors;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Rpc;

public sealed class TelemetryTests
{
    private const string Say = "feedmall.tests.rpc.Echo/Say";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Both_sides_measure_each_call_with_its_method_and_status()
    {
        await using var host = await EchoHost.StartAsync();
        using var server = new Recording(host.ServerServices);
        using var client = new Recording(host.ClientServices);
        await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        host.Script.Say = (_, _) => throw new ServiceException(StatusCode.NotFound, "ECHO_NOT_FOUND", "no");
        await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        await host.StopAsync();
        string[] expected = [$"{Say} NOT_FOUND", $"{Say} OK"];
        Assert.Equal(expected, server.Of("rpc.server.call.duration"));
        Assert.Equal(expected, client.Of("rpc.client.call.duration"));
    }

    [Fact]
    public async Task A_timeout_that_cannot_be_read_is_counted()
    {
        await using var host = await EchoHost.StartAsync();
        using var server = new Recording(host.ServerServices);
        using var http = RawGrpc.CreateClient();
        using var request = RawGrpc.Request(host.Address, $"/{Say}", [0, 0, 0, 0, 0]);
        request.Headers.TryAddWithoutValidation("grpc-timeout", "soon");
        using var response = await http.SendAsync(request, Token);
        Assert.Single(server.Of("feedmall.rpc.server.bad_timeouts"));
    }

    [Fact]
    public async Task A_call_and_its_answer_share_one_trace_and_the_callers_own_span_stays_current()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is RpcTelemetry.Name or "System.Net.Http" or "Microsoft.AspNetCore" or "test",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using var source = new ActivitySource("test");
        await using var host = await EchoHost.StartAsync();
        var inside = default(ActivityTraceId);
        host.Script.Say = (_, _) =>
        {
            inside = Activity.Current!.TraceId;
            return Task.FromResult(new EchoResponse());
        };
        using var outside = source.StartActivity("story")!;
        var call = host.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        Assert.Same(outside, Activity.Current);
        await call;
        Assert.Equal(outside.TraceId, inside);
        await host.StopAsync();
        var ours = spans.Where(span => span.TraceId == outside.TraceId && span.DisplayName == Say).ToList();
        Assert.Equal([ActivityKind.Client, ActivityKind.Server], ours.Select(span => span.Kind).Distinct().Order().Reverse());
        Assert.All(ours, span => Assert.Equal("OK", span.GetTagItem("rpc.response.status_code")));
    }

    [Fact]
    public async Task Each_of_many_calls_whose_deadline_and_answer_race_has_exactly_one_of_both_outcomes()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.DefaultTimeout = TimeSpan.FromMilliseconds(8));
        using var server = new Recording(host.ServerServices);
        host.Script.Say = async (request, context) =>
        {
            context.ResponseTrailers.Add("x-number", request.Text);
            await Task.Delay(request.Count);
            return new EchoResponse { Text = request.Text };
        };
        using var http = RawGrpc.CreateClient();
        var statuses = new ConcurrentBag<string?>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 600), new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Token }, async (i, token) =>
        {
            // count = i % 16 milliseconds, as a varint field
            using var request = RawGrpc.Request(host.Address, $"/{Say}", [0, 0, 0, 0, 2, 0x10, (byte)(i % 16)]);
            using var response = await http.SendAsync(request, token);
            var body = await response.Content.ReadAsByteArrayAsync(token);
            var status = RawGrpc.StatusOf(response);
            Assert.True(status == "4" || body.Length >= 5, $"status {status} with {body.Length} bytes");
            statuses.Add(status);
        });
        Assert.DoesNotContain(statuses, status => status is not ("0" or "4"));
        Assert.Contains("0", statuses);
        Assert.Contains("4", statuses);
        await host.StopAsync();
        Assert.Equal(600, server.Of("rpc.server.call.duration").Count);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task Streams_that_write_when_their_deadline_passes_end_with_its_status_and_no_reset()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.DefaultStreamTimeout = TimeSpan.FromMilliseconds(8));
        host.Script.Count = async (_, stream, _) =>
        {
            while (true) await stream.WriteAsync(new EchoResponse { Number = 1 });
        };
        using var http = RawGrpc.CreateClient();
        await Parallel.ForEachAsync(Enumerable.Range(0, 100), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token }, async (_, token) =>
        {
            using var request = RawGrpc.Request(host.Address, "/feedmall.tests.rpc.Echo/Count", [0, 0, 0, 0, 0]);
            using var response = await http.SendAsync(request, token);
            Assert.Equal(0, (await response.Content.ReadAsByteArrayAsync(token)).Length % 7);
            Assert.Equal("4", RawGrpc.StatusOf(response));
        });
        await host.StopAsync();
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task Callers_that_leave_when_the_deadline_passes_leave_no_error_in_the_log()
    {
        await using var host = await EchoHost.StartAsync();
        host.Script.Say = async (_, context) =>
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new EchoResponse();
        };
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Token }, async (_, token) =>
        {
            var error = await Assert.ThrowsAsync<RpcException>(
                async () => await host.Client.SayAsync(new EchoRequest(), deadline: DateTime.UtcNow.AddMilliseconds(20), cancellationToken: token));
            Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        });
        await host.StopAsync();
        Assert.Empty(host.Errors);
    }

    /// <summary>What one container's meters recorded: "method status" for each value.</summary>
    private sealed class Recording : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentQueue<(string Instrument, string Tags)> _values = new();

        public Recording(IServiceProvider services)
        {
            var factory = services.GetRequiredService<IMeterFactory>();
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == RpcTelemetry.Name && instrument.Meter.Scope == factory) listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Record(instrument, tags));
            _listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Record(instrument, tags));
            _ = services.GetRequiredService<RpcTelemetry>();
            _listener.Start();
        }

        public List<string> Of(string instrument) => [.. _values.Where(value => value.Instrument == instrument).Select(value => value.Tags).Order(StringComparer.Ordinal)];

        public void Dispose() => _listener.Dispose();

        private void Record(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string method = "", status = "";
            foreach (var (key, value) in tags)
            {
                if (key == "rpc.method") method = (string)value!;
                if (key == "rpc.response.status_code") status = (string)value!;
            }
            _values.Enqueue((instrument.Name, $"{method} {status}"));
        }
    }
}
