using FeedMall.Resilience;
using FeedMall.Resilience.Deadlines;
using Xunit;

namespace FeedMall.Tests.Resilience.Deadlines;

public sealed class DeadlineBudgetTests
{
    private sealed record Call(int? Inbound, int Elapsed, int Own, int? Time);

    private sealed record Table(int AllowanceMilliseconds, int FloorMilliseconds, int ServerDefaultMilliseconds, Call[] Calls);

    private readonly DeadlineBudget _budget = new(Milliseconds(10), Milliseconds(5));

    [Fact]
    public void The_published_times_come_out()
    {
        var table = Vectors.Read<Table>("deadline");
        var budget = new DeadlineBudget(Milliseconds(table.AllowanceMilliseconds), Milliseconds(table.FloorMilliseconds));
        Assert.All(table.Calls, call =>
        {
            var request = DeadlineBudget.Accept(call.Inbound is { } asked ? Milliseconds(asked) : null, Milliseconds(table.ServerDefaultMilliseconds));
            var time = budget.Shrink(Milliseconds(call.Own), request - Milliseconds(call.Elapsed));
            if (call.Time is { } expected) Assert.Equal((Milliseconds(expected), Reason.None), (time, budget.Check(time)));
            else Assert.Equal(Reason.DeadlineInsufficient, budget.Check(time));
        });
    }

    [Fact]
    public void A_caller_cannot_get_more_than_the_servers_limit() =>
        Assert.Equal([100, 1000, 1000], ((int?[])[100, 5000, null]).Select(asked => DeadlineBudget.Accept(asked is { } ms ? Milliseconds(ms) : null, Milliseconds(1000)).TotalMilliseconds));

    [Fact]
    public void Without_a_deadline_of_the_caller_a_call_has_its_own_time() => Assert.Equal(Milliseconds(1000), _budget.Shrink(Milliseconds(1000), null));

    [Theory]
    [InlineData(94, 100, true)]
    [InlineData(95, 100, false)]
    [InlineData(200, 100, false)]
    [InlineData(0, 3, false)]
    public void A_wait_must_leave_time_for_the_work(int wait, int remaining, bool allowed) => Assert.Equal(allowed, _budget.Allows(Milliseconds(wait), Milliseconds(remaining)));

    [Fact]
    public void Deciding_allocates_nothing() =>
        Assert.Equal(0, Allocations.Of(() => _budget.Check(_budget.Shrink(Milliseconds(1000), Milliseconds(300)))));

    private static TimeSpan Milliseconds(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
