using FeedMall.Rpc.Errors;

namespace FeedMall.Rpc.Server;

/// <summary>
/// Checks every request of a type before a method sees it, the messages of a stream one by one. Registered in the container as a
/// singleton of <c>IRequestValidator&lt;TRequest&gt;</c>; the server finds it when the service is mapped.
/// </summary>
public interface IRequestValidator<in T>
{
    /// <summary>Returns if the request is valid.</summary>
    /// <exception cref="ServiceException">It is not: INVALID_ARGUMENT with VALIDATION_FAILED and field → message in the metadata.</exception>
    void Validate(T request);
}
