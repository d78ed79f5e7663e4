namespace Grpc.Core;

/// <summary>The base of every generated client.</summary>
public abstract class ClientBase
{
    private readonly ClientBaseConfiguration? _configuration;

    /// <summary>For mocks and derived stand-ins only: calls need an invoker.</summary>
    protected ClientBase() { }

    /// <summary>A client that calls through this configuration.</summary>
    protected ClientBase(ClientBaseConfiguration configuration) => _configuration = configuration;

    /// <summary>What the client calls through.</summary>
    protected CallInvoker CallInvoker =>
        _configuration?.Invoker ?? throw new InvalidOperationException("This client was created without a channel.");

    /// <summary>How a client calls; generated clients pass it on.</summary>
    protected internal sealed class ClientBaseConfiguration
    {
        internal ClientBaseConfiguration(CallInvoker invoker) => Invoker = invoker;

        internal CallInvoker Invoker { get; }
    }
}

/// <summary>The base of a generated client of type <typeparamref name="T"/>.</summary>
public abstract class ClientBase<T> : ClientBase where T : ClientBase<T>
{
    /// <summary>For mocks and derived stand-ins only.</summary>
    protected ClientBase() { }

    /// <summary>A client that calls through this invoker.</summary>
    protected ClientBase(CallInvoker callInvoker) : base(new ClientBaseConfiguration(callInvoker)) { }

    /// <summary>A client that calls through this channel.</summary>
    protected ClientBase(ChannelBase channel) : this(channel.CreateCallInvoker()) { }

    /// <summary>A client that calls through this configuration.</summary>
    protected ClientBase(ClientBaseConfiguration configuration) : base(configuration) { }

    /// <summary>Another client of the same kind.</summary>
    protected abstract T NewInstance(ClientBaseConfiguration configuration);
}
