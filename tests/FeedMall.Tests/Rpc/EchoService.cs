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

    public Func<IAsyncStreamReader<EchoRequest>, ServerCallContext, Task<EchoResponse>> Gather { get; set; } = async (stream, _) =>
    {
        var response = new EchoResponse();
        while (await stream.MoveNext(CancellationToken.None)) (response.Text, response.Number) = (response.Text + stream.Current.Text, response.Number + 1);
        return response;
    };

    public Func<IAsyncStreamReader<EchoRequest>, IServerStreamWriter<EchoResponse>, ServerCallContext, Task> Chat { get; set; } = async (requests, responses, _) =>
    {
        while (await requests.MoveNext(CancellationToken.None))
            await responses.WriteAsync(new EchoResponse { Text = requests.Current.Text, Payload = requests.Current.Payload });
    };
}

internal sealed class EchoService(EchoScript script) : Echo.EchoBase
{
    public override Task<EchoResponse> Say(EchoRequest request, ServerCallContext context) => script.Say(request, context);

    public override Task Count(EchoRequest request, IServerStreamWriter<EchoResponse> responseStream, ServerCallContext context) =>
        script.Count(request, responseStream, context);

    public override Task<EchoResponse> Gather(IAsyncStreamReader<EchoRequest> requestStream, ServerCallContext context) =>
        script.Gather(requestStream, context);

    public override Task Chat(IAsyncStreamReader<EchoRequest> requestStream, IServerStreamWriter<EchoResponse> responseStream, ServerCallContext context) =>
        script.Chat(requestStream, responseStream, context);
}
