namespace Grpc.Core;

/// <summary>How many messages go each way.</summary>
public enum MethodType
{
    /// <summary>One request, one response.</summary>
    Unary,
    /// <summary>Many requests, one response.</summary>
    ClientStreaming,
    /// <summary>One request, many responses.</summary>
    ServerStreaming,
    /// <summary>Many requests, many responses, independent of each other.</summary>
    DuplexStreaming,
}

/// <summary>What is known of a method without its message types.</summary>
public interface IMethod
{
    /// <summary>How many messages go each way.</summary>
    MethodType Type { get; }

    /// <summary>"package.Service".</summary>
    string ServiceName { get; }

    /// <summary>The name inside the service.</summary>
    string Name { get; }

    /// <summary>"/package.Service/Method", as in the request path.</summary>
    string FullName { get; }
}

/// <summary>A method of a service, with the marshallers of its messages. Generated stubs create these.</summary>
public sealed class Method<TRequest, TResponse>(
    MethodType type,
    string serviceName,
    string name,
    Marshaller<TRequest> requestMarshaller,
    Marshaller<TResponse> responseMarshaller) : IMethod
{
    /// <inheritdoc/>
    public MethodType Type { get; } = type;

    /// <inheritdoc/>
    public string ServiceName { get; } = serviceName;

    /// <inheritdoc/>
    public string Name { get; } = name;

    /// <inheritdoc/>
    public string FullName { get; } = $"/{serviceName}/{name}";

    /// <summary>Turns requests into bytes and back.</summary>
    public Marshaller<TRequest> RequestMarshaller { get; } = requestMarshaller;

    /// <summary>Turns responses into bytes and back.</summary>
    public Marshaller<TResponse> ResponseMarshaller { get; } = responseMarshaller;
}
