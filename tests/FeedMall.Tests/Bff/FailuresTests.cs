using FeedMall.Resilience;
using System.Text.Json;
using FeedMall.Bff;
using FeedMall.Bff.Edge;
using FeedMall.Rpc.Errors;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace FeedMall.Tests.Bff;

public sealed class FailuresTests
{
    private static readonly Dictionary<string, string> Details = new() { ["id"] = "1" };

    [Theory]
    [InlineData(StatusCode.InvalidArgument, 400)]
    [InlineData(StatusCode.OutOfRange, 400)]
    [InlineData(StatusCode.Unauthenticated, 401)]
    [InlineData(StatusCode.PermissionDenied, 403)]
    [InlineData(StatusCode.NotFound, 404)]
    [InlineData(StatusCode.AlreadyExists, 409)]
    [InlineData(StatusCode.Aborted, 409)]
    [InlineData(StatusCode.FailedPrecondition, 412)]
    [InlineData(StatusCode.ResourceExhausted, 429)]
    public void A_refusal_by_our_business_passes_with_its_reason_its_message_and_its_details(StatusCode code, int status)
    {
        var failure = Failures.Of(RpcErrors.Create(code, "FEED_REFUSED", "No.", "feed", Details));
        Assert.Equal((status, "FEED_REFUSED", "No."), (failure.Code, failure.Reason, failure.Message));
        Assert.Equal(Details, failure.Metadata);
    }

    [Theory]
    [InlineData(StatusCode.Internal, 500, Reasons.UpstreamError)]
    [InlineData(StatusCode.Unknown, 500, Reasons.UpstreamError)]
    [InlineData(StatusCode.DataLoss, 500, Reasons.UpstreamError)]
    [InlineData(StatusCode.Unimplemented, 500, Reasons.UpstreamError)]
    [InlineData(StatusCode.Unavailable, 503, Reasons.UpstreamError)]
    [InlineData(StatusCode.DeadlineExceeded, 504, RefusalReasons.DeadlineExceeded)]
    [InlineData(StatusCode.Cancelled, 499, Reasons.Cancelled)]
    public void What_tells_of_our_inside_becomes_a_general_answer(StatusCode code, int status, string reason)
    {
        foreach (var error in new[] { RpcErrors.Create(code, "SECRET", "secret", "feed", Details), new RpcException(new Status(code, "secret")) })
        {
            var failure = Failures.Of(error);
            Assert.Equal((status, reason), (failure.Code, failure.Reason));
            Assert.DoesNotContain("secret", failure.Message, StringComparison.OrdinalIgnoreCase);
            Assert.Empty(failure.Metadata);
        }
    }

    [Theory]
    [InlineData(StatusCode.NotFound)]
    [InlineData(StatusCode.InvalidArgument)]
    [InlineData(StatusCode.Unauthenticated)]
    [InlineData(StatusCode.ResourceExhausted)]
    public void A_refusal_without_a_reason_is_a_defect_between_us(StatusCode code)
    {
        var failure = Failures.Of(new RpcException(new Status(code, "secret")));
        Assert.Equal((500, Reasons.UpstreamError), (failure.Code, failure.Reason));
        Assert.DoesNotContain("secret", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(StatusCode.Unavailable, Reasons.NoEndpoint, 503)]
    [InlineData(StatusCode.DeadlineExceeded, RefusalReasons.DeadlineInsufficient, 504)]
    public void The_reasons_of_our_own_client_stay(StatusCode code, string reason, int status)
    {
        var failure = Failures.Of(RpcErrors.Create(code, reason, "10.0.0.1 does not answer", "bff"));
        Assert.Equal((status, reason), (failure.Code, failure.Reason));
        Assert.DoesNotContain("10.0.0.1", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_of_the_edge_itself_is_told_as_it_is()
    {
        var failure = Failures.Of(new ServiceException(StatusCode.Unavailable, BffReasons.NotReady, "Not ready.", Details));
        Assert.Equal((503, BffReasons.NotReady, "Not ready."), (failure.Code, failure.Reason, failure.Message));
        Assert.Equal(Details, failure.Metadata);
    }

    [Theory]
    [InlineData("$.images[0].url", "images[0].url")]
    [InlineData("$.Title", "title")]
    [InlineData("$", "body")]
    [InlineData("$[0]", "body")]
    [InlineData("$['a b']", "body")]
    [InlineData("", "body")]
    [InlineData(null, "body")]
    public void Bad_JSON_names_the_field_and_not_our_types(string? path, string field)
    {
        var failure = Failures.Of(new JsonException("could not be converted to FeedMall.Bff.Feed.NewPost", path, 0, 0));
        Assert.Equal((400, Reasons.ValidationFailed), (failure.Code, failure.Reason));
        var (name, message) = Assert.Single(failure.Metadata);
        Assert.Equal(field, name);
        Assert.DoesNotContain("FeedMall", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400, Reasons.ValidationFailed)]
    [InlineData(408, BffReasons.RequestTimeout)]
    [InlineData(413, BffReasons.BodyTooLarge)]
    [InlineData(415, BffReasons.UnsupportedMediaType)]
    [InlineData(431, BffReasons.BadRequest)]
    public void What_the_server_refuses_has_a_reason_and_not_the_servers_text(int status, string reason)
    {
        var failure = Failures.Of(new BadHttpRequestException("Kestrel says", status));
        Assert.Equal((status, reason), (failure.Code, failure.Reason));
        Assert.DoesNotContain("Kestrel", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, Reasons.Unauthenticated)]
    [InlineData(403, Reasons.PermissionDenied)]
    [InlineData(404, BffReasons.RouteNotFound)]
    [InlineData(405, BffReasons.MethodNotAllowed)]
    [InlineData(418, BffReasons.BadRequest)]
    [InlineData(500, Reasons.Internal)]
    [InlineData(504, RefusalReasons.DeadlineExceeded)]
    [InlineData(507, Reasons.Internal)]
    public void Every_bare_status_has_a_reason(int status, string reason)
    {
        var failure = Failures.OfStatus(status);
        Assert.Equal((status, reason), (failure.Code, failure.Reason));
        Assert.NotEmpty(failure.Message);
    }
}
