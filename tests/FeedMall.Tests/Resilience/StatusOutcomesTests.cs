using FeedMall.Resilience;
using Xunit;

namespace FeedMall.Tests.Resilience;

public sealed class StatusOutcomesTests
{
    private sealed record Row(int Code, Outcome Outcome);

    private sealed record Table(Row[] Grpc, Row[] Http);

    [Fact]
    public void Every_status_says_what_the_table_says()
    {
        var table = Vectors.Read<Table>("breaker-outcomes");
        Assert.Equal(17, table.Grpc.Length);
        Assert.All(table.Grpc, row => Assert.Equal((row.Code, row.Outcome), (row.Code, StatusOutcomes.OfGrpc(row.Code))));
        Assert.All(table.Http, row => Assert.Equal((row.Code, row.Outcome), (row.Code, StatusOutcomes.OfHttp(row.Code))));
    }

    [Fact]
    public void Unknown_may_be_told_to_be_a_failure()
    {
        Assert.Equal(Outcome.Failure, StatusOutcomes.OfGrpc(2, unknown: Outcome.Failure));
        Assert.Equal(Outcome.Success, StatusOutcomes.OfGrpc(3, unknown: Outcome.Failure));
    }
}
