namespace Grpc.Core;

/// <summary>One request, one response.</summary>
public delegate Task<TResponse> UnaryServerMethod<TRequest, TResponse>(TRequest request, ServerCallContext context)
    where TRequest : class where TResponse : class;

/// <summary>One request, many responses.</summary>
public delegate Task ServerStreamingServerMethod<TRequest, TResponse>(
    TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context)
    where TRequest : class where TResponse : class;

/// <summary>Many requests, one response.</summary>
public delegate Task<TResponse> ClientStreamingServerMethod<TRequest, TResponse>(
    IAsyncStreamReader<TRequest> requestStream, ServerCallContext context)
    where TRequest : class where TResponse : class;

/// <summary>Many requests, many responses.</summary>
public delegate Task DuplexStreamingServerMethod<TRequest, TResponse>(
    IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context)
    where TRequest : class where TResponse : class;

/// <summary>Receives the methods of a service; generated code calls it.</summary>
public abstract class ServiceBinderBase
{
    /// <summary>A unary method.</summary>
    public virtual void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
        where TRequest : class where TResponse : class => throw new NotSupportedException();

    /// <summary>A client streaming method.</summary>
    public virtual void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
        where TRequest : class where TResponse : class => throw new NotSupportedException();

    /// <summary>A server streaming method.</summary>
    public virtual void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
        where TRequest : class where TResponse : class => throw new NotSupportedException();

    /// <summary>A duplex streaming method.</summary>
    public virtual void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
        where TRequest : class where TResponse : class => throw new NotSupportedException();
}

/// <summary>Stands on every generated service base and says how its methods are bound.</summary>
/// <param name="bindType">The generated static class of the service.</param>
/// <param name="bindMethodName">Its method that takes a <see cref="ServiceBinderBase"/> and the service.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class BindServiceMethodAttribute(Type bindType, string bindMethodName) : Attribute
{
    /// <summary>The generated static class of the service.</summary>
    public Type BindType { get; } = bindType;

    /// <summary>Its binding method.</summary>
    public string BindMethodName { get; } = bindMethodName;
}

/// <summary>A service as a list of methods.</summary>
public sealed class ServerServiceDefinition
{
    private readonly IReadOnlyList<Action<ServiceBinderBase>> _bindings;

    private ServerServiceDefinition(IReadOnlyList<Action<ServiceBinderBase>> bindings) => _bindings = bindings;

    /// <summary>Starts an empty list.</summary>
    public static Builder CreateBuilder() => new();

    /// <summary>Hands every method to the binder.</summary>
    public void BindService(ServiceBinderBase binder)
    {
        foreach (var bind in _bindings) bind(binder);
    }

    /// <summary>Collects methods; generated code calls it.</summary>
    public sealed class Builder
    {
        private readonly List<Action<ServiceBinderBase>> _bindings = [];

        internal Builder() { }

        /// <summary>A unary method.</summary>
        public Builder AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse> handler)
            where TRequest : class where TResponse : class => With(binder => binder.AddMethod(method, handler));

        /// <summary>A client streaming method.</summary>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class where TResponse : class => With(binder => binder.AddMethod(method, handler));

        /// <summary>A server streaming method.</summary>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class where TResponse : class => With(binder => binder.AddMethod(method, handler));

        /// <summary>A duplex streaming method.</summary>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class where TResponse : class => With(binder => binder.AddMethod(method, handler));

        /// <summary>The finished list.</summary>
        public ServerServiceDefinition Build() => new(_bindings.ToArray());

        private Builder With(Action<ServiceBinderBase> binding)
        {
            _bindings.Add(binding);
            return this;
        }
    }
}
