using System.Runtime.CompilerServices;

namespace Grpc.Core;

/// <summary>What every call offers beside its messages. Disposing a call that still runs cancels it.</summary>
public abstract class AsyncCall(
    Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose) : IDisposable
{
    /// <summary>The headers that the server sent before its first message.</summary>
    public Task<Metadata> ResponseHeadersAsync { get; } = responseHeadersAsync;

    /// <summary>How the call ended.</summary>
    /// <exception cref="InvalidOperationException">It still runs.</exception>
    public Status GetStatus() => getStatus();

    /// <summary>What the server sent after its last message.</summary>
    /// <exception cref="InvalidOperationException">The call still runs.</exception>
    public Metadata GetTrailers() => getTrailers();

    /// <summary>Cancels the call unless it has ended.</summary>
    public void Dispose()
    {
        dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>One request, one response. Awaiting the call gives the response.</summary>
public sealed class AsyncUnaryCall<TResponse>(
    Task<TResponse> responseAsync, Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
    : AsyncCall(responseHeadersAsync, getStatus, getTrailers, dispose)
{
    /// <summary>The response; fails with <see cref="RpcException"/>.</summary>
    public Task<TResponse> ResponseAsync { get; } = responseAsync;

    /// <summary>Awaits the response.</summary>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();

    /// <summary>Awaits the response, with or without the captured context.</summary>
    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext) =>
        ResponseAsync.ConfigureAwait(continueOnCapturedContext);
}

/// <summary>One request, many responses.</summary>
public sealed class AsyncServerStreamingCall<TResponse>(
    IAsyncStreamReader<TResponse> responseStream, Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
    : AsyncCall(responseHeadersAsync, getStatus, getTrailers, dispose)
{
    /// <summary>The responses.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; } = responseStream;
}

/// <summary>Many requests, one response. Awaiting the call gives the response.</summary>
public sealed class AsyncClientStreamingCall<TRequest, TResponse>(
    IClientStreamWriter<TRequest> requestStream, Task<TResponse> responseAsync, Task<Metadata> responseHeadersAsync,
    Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
    : AsyncCall(responseHeadersAsync, getStatus, getTrailers, dispose)
{
    /// <summary>The requests.</summary>
    public IClientStreamWriter<TRequest> RequestStream { get; } = requestStream;

    /// <summary>The response; fails with <see cref="RpcException"/>.</summary>
    public Task<TResponse> ResponseAsync { get; } = responseAsync;

    /// <summary>Awaits the response.</summary>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();
}

/// <summary>Many requests, many responses.</summary>
public sealed class AsyncDuplexStreamingCall<TRequest, TResponse>(
    IClientStreamWriter<TRequest> requestStream, IAsyncStreamReader<TResponse> responseStream, Task<Metadata> responseHeadersAsync,
    Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
    : AsyncCall(responseHeadersAsync, getStatus, getTrailers, dispose)
{
    /// <summary>The requests.</summary>
    public IClientStreamWriter<TRequest> RequestStream { get; } = requestStream;

    /// <summary>The responses.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; } = responseStream;
}
