using FeedMall.Rpc.Server;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Reflection.V1Alpha;

namespace FeedMall.Rpc.Reflection;

/// <summary>grpc.reflection.v1alpha, which older tools speak: the same messages under another name, byte for byte.</summary>
internal sealed class ReflectionV1AlphaService(DescriptorIndex index, GrpcServiceRegistry services) : ServerReflection.ServerReflectionBase
{
    private readonly ReflectionService _current = new(index, services);

    /// <summary>Answers every question of the stream.</summary>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream, IServerStreamWriter<ServerReflectionResponse> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            var answer = _current.Answer(Grpc.Reflection.V1.ServerReflectionRequest.Parser.ParseFrom(requestStream.Current.ToByteString()));
            await responseStream.WriteAsync(ServerReflectionResponse.Parser.ParseFrom(answer.ToByteString()));
        }
    }
}
