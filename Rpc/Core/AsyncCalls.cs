using System.Runtime.CompilerServices;

namespace Grpc.Core;

/// <summary>What stands behind a call of this runtime, or behind one that an interceptor made up.</summary>
internal abstract class CallState : IDisposable
{
    public abstract Task<Metadata> ResponseHeadersAsync { get; }

    public abstract Status GetStatus();

    public abstract Metadata GetTrailers();

    public abstract void Dispose();
}

/// <summary>What every call offers beside its messages. Disposing a call that still runs cancels it.</summary>
public abstract class AsyncCall : IDisposable
{
    private protected AsyncCall(CallState state) => State = state;

    private protected AsyncCall(Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
        : this(new DelegatedState(responseHeadersAsync, getStatus, getTrailers, dispose)) { }

    /// <summary>The headers that the server sent before its first message.</summary>
    public Task<Metadata> ResponseHeadersAsync => State.ResponseHeadersAsync;

    internal CallState State { get; }

    /// <summary>How the call ended.</summary>
    /// <exception cref="InvalidOperationException">It still runs.</exception>
    public Status GetStatus() => State.GetStatus();

    /// <summary>What the server sent after its last message.</summary>
    /// <exception cref="InvalidOperationException">The call still runs.</exception>
    public Metadata GetTrailers() => State.GetTrailers();

    /// <summary>Cancels the call unless it has ended.</summary>
    public void Dispose()
    {
        State.Dispose();
        GC.SuppressFinalize(this);
    }

    private sealed class DelegatedState(
        Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose) : CallState
    {
        public override Task<Metadata> ResponseHeadersAsync => responseHeadersAsync;

        public override Status GetStatus() => getStatus();

        public override Metadata GetTrailers() => getTrailers();

        public override void Dispose() => dispose();
    }
}

/// <summary>One request, one response. Awaiting the call gives the response.</summary>
public sealed class AsyncUnaryCall<TResponse> : AsyncCall
{
    /// <summary>A call made up of its parts; interceptors need this.</summary>
    public AsyncUnaryCall(
        Task<TResponse> responseAsync, Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
        : base(responseHeadersAsync, getStatus, getTrailers, dispose) => ResponseAsync = responseAsync;

    internal AsyncUnaryCall(Task<TResponse> responseAsync, CallState state) : base(state) => ResponseAsync = responseAsync;

    /// <summary>The response; fails with <see cref="RpcException"/>.</summary>
    public Task<TResponse> ResponseAsync { get; }

    /// <summary>Awaits the response.</summary>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();

    /// <summary>Awaits the response, with or without the captured context.</summary>
    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext) =>
        ResponseAsync.ConfigureAwait(continueOnCapturedContext);
}

/// <summary>One request, many responses.</summary>
public sealed class AsyncServerStreamingCall<TResponse> : AsyncCall
{
    /// <summary>A call made up of its parts; interceptors need this.</summary>
    public AsyncServerStreamingCall(
        IAsyncStreamReader<TResponse> responseStream, Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
        : base(responseHeadersAsync, getStatus, getTrailers, dispose) => ResponseStream = responseStream;

    internal AsyncServerStreamingCall(IAsyncStreamReader<TResponse> responseStream, CallState state) : base(state) => ResponseStream = responseStream;

    /// <summary>The responses.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; }
}

/// <summary>Many requests, one response. Awaiting the call gives the response.</summary>
public sealed class AsyncClientStreamingCall<TRequest, TResponse> : AsyncCall
{
    /// <summary>A call made up of its parts; interceptors need this.</summary>
    public AsyncClientStreamingCall(
        IClientStreamWriter<TRequest> requestStream, Task<TResponse> responseAsync, Task<Metadata> responseHeadersAsync,
        Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
        : base(responseHeadersAsync, getStatus, getTrailers, dispose) => (RequestStream, ResponseAsync) = (requestStream, responseAsync);

    internal AsyncClientStreamingCall(IClientStreamWriter<TRequest> requestStream, Task<TResponse> responseAsync, CallState state)
        : base(state) => (RequestStream, ResponseAsync) = (requestStream, responseAsync);

    /// <summary>The requests.</summary>
    public IClientStreamWriter<TRequest> RequestStream { get; }

    /// <summary>The response; fails with <see cref="RpcException"/>.</summary>
    public Task<TResponse> ResponseAsync { get; }

    /// <summary>Awaits the response.</summary>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();
}

/// <summary>Many requests, many responses.</summary>
public sealed class AsyncDuplexStreamingCall<TRequest, TResponse> : AsyncCall
{
    /// <summary>A call made up of its parts; interceptors need this.</summary>
    public AsyncDuplexStreamingCall(
        IClientStreamWriter<TRequest> requestStream, IAsyncStreamReader<TResponse> responseStream, Task<Metadata> responseHeadersAsync,
        Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
        : base(responseHeadersAsync, getStatus, getTrailers, dispose) => (RequestStream, ResponseStream) = (requestStream, responseStream);

    internal AsyncDuplexStreamingCall(IClientStreamWriter<TRequest> requestStream, IAsyncStreamReader<TResponse> responseStream, CallState state)
        : base(state) => (RequestStream, ResponseStream) = (requestStream, responseStream);

    /// <summary>The requests.</summary>
    public IClientStreamWriter<TRequest> RequestStream { get; }

    /// <summary>The responses.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; }
}
