using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;

namespace FeedMall.Tests.Rpc;

/// <summary>What the methods do; a test sets what it needs.</summary>
internal sealed class EchoScript
{
    public Func<EchoRequest, ServerCallContext, Task<EchoResponse>> Say { get; set; } =
        (request, _) => Task.FromResult(new EchoResponse { Text = request.Text, Payload = request.Payload });

    public Func<EchoRequest, IServerStreamWriter<EchoResponse>, ServerCallContext, Task> Count { get; set; } = async (request, stream, _) =>
    {
        for (var i = 1; i <= request.Count; i++) await stream.WriteAsync(new EchoResponse { Text = request.Text, Number = i, Payload = request.Payload });
    };
}

internal sealed class EchoService(EchoScript script) : Echo.EchoBase
{
    public override Task<EchoResponse> Say(EchoRequest request, ServerCallContext context) => script.Say(request, context);

    public override Task Count(EchoRequest request, IServerStreamWriter<EchoResponse> responseStream, ServerCallContext context) =>
        script.Count(request, responseStream, context);
}
