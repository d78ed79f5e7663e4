using FeedMall.Rpc.Server;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;

namespace FeedMall.Rpc.Reflection;

/// <summary>grpc.reflection.v1 (spec §13.11). What is not found is an answer, and the stream goes on.</summary>
internal sealed class ReflectionService(DescriptorIndex index, GrpcServiceRegistry services) : ServerReflection.ServerReflectionBase
{
    /// <summary>Answers every question of the stream.</summary>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream, IServerStreamWriter<ServerReflectionResponse> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken)) await responseStream.WriteAsync(Answer(requestStream.Current));
    }

    internal ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        var response = new ServerReflectionResponse { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case ServerReflectionRequest.MessageRequestOneofCase.ListServices:
                response.ListServicesResponse = new ListServiceResponse { Service = { services.Names.Select(name => new ServiceResponse { Name = name }) } };
                return response;
            case ServerReflectionRequest.MessageRequestOneofCase.FileByFilename:
                return WithFiles(response, index.FindByName(request.FileByFilename), request.FileByFilename);
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol:
                return WithFiles(response, index.FindBySymbol(request.FileContainingSymbol), request.FileContainingSymbol);
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingExtension:
                var (type, number) = (request.FileContainingExtension.ContainingType, request.FileContainingExtension.ExtensionNumber);
                return WithFiles(response, index.FindByExtension(type, number), $"{type} {number}");
            case ServerReflectionRequest.MessageRequestOneofCase.AllExtensionNumbersOfType:
                if (index.FindExtensionNumbers(request.AllExtensionNumbersOfType) is not { } numbers) return NotFound(response, request.AllExtensionNumbersOfType);
                response.AllExtensionNumbersResponse = new ExtensionNumberResponse { BaseTypeName = request.AllExtensionNumbersOfType, ExtensionNumber = { numbers } };
                return response;
            default:
                response.ErrorResponse = new ErrorResponse { ErrorCode = (int)StatusCode.InvalidArgument, ErrorMessage = "The request asks for nothing." };
                return response;
        }
    }

    private static ServerReflectionResponse WithFiles(ServerReflectionResponse response, IReadOnlyList<FileDescriptor>? files, string name)
    {
        if (files is null) return NotFound(response, name);
        response.FileDescriptorResponse = new FileDescriptorResponse { FileDescriptorProto = { files.Select(file => file.SerializedData) } };
        return response;
    }

    private static ServerReflectionResponse NotFound(ServerReflectionResponse response, string name)
    {
        response.ErrorResponse = new ErrorResponse { ErrorCode = (int)StatusCode.NotFound, ErrorMessage = $"'{name}' is not known here." };
        return response;
    }
}
