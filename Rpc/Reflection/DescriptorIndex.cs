using FeedMall.Rpc.Server;
using Google.Protobuf.Reflection;

namespace FeedMall.Rpc.Reflection;

/// <summary>Finds descriptors by what tools ask for. Built when the first question comes: by then every service is mapped.</summary>
internal sealed class DescriptorIndex(GrpcServiceRegistry services)
{
    private readonly Lazy<(Dictionary<string, FileDescriptor> ByName, Dictionary<string, FileDescriptor> BySymbol)> _files = new(() => Read(services));

    /// <summary>The file of this name, with everything it imports behind it; null when no service uses it.</summary>
    public IReadOnlyList<FileDescriptor>? FindByName(string name) => _files.Value.ByName.TryGetValue(name, out var file) ? WithImports(file) : null;

    /// <summary>The file that declares a service, method, message, field or enum of this full name.</summary>
    public IReadOnlyList<FileDescriptor>? FindBySymbol(string symbol) => _files.Value.BySymbol.TryGetValue(symbol, out var file) ? WithImports(file) : null;

    /// <summary>The file that declares this extension.</summary>
    public IReadOnlyList<FileDescriptor>? FindByExtension(string type, int number) =>
        Extensions(type).FirstOrDefault(extension => extension.FieldNumber == number) is { } found ? WithImports(found.File) : null;

    /// <summary>The numbers of all extensions of a message; null when there is no such message.</summary>
    public IReadOnlyList<int>? FindExtensionNumbers(string type) =>
        _files.Value.BySymbol.ContainsKey(type) ? [.. Extensions(type).Select(extension => extension.FieldNumber).Order()] : null;

    private IEnumerable<FieldDescriptor> Extensions(string type) =>
        _files.Value.ByName.Values.SelectMany(file => file.Extensions.UnorderedExtensions.Concat(Nested(file.MessageTypes).SelectMany(message => message.Extensions.UnorderedExtensions)))
            .Where(extension => extension.ExtendeeType.FullName == type);

    private static (Dictionary<string, FileDescriptor>, Dictionary<string, FileDescriptor>) Read(GrpcServiceRegistry services)
    {
        var byName = new Dictionary<string, FileDescriptor>(StringComparer.Ordinal);
        foreach (var file in services.Descriptors.SelectMany(service => WithImports(service.File))) byName[file.Name] = file;
        var bySymbol = new Dictionary<string, FileDescriptor>(StringComparer.Ordinal);
        foreach (var file in byName.Values)
        {
            foreach (var symbol in Symbols(file)) bySymbol[symbol] = file;
        }
        return (byName, bySymbol);
    }

    private static IEnumerable<string> Symbols(FileDescriptor file)
    {
        var messages = Nested(file.MessageTypes).ToList();
        return file.Services.Select(service => service.FullName)
            .Concat(file.Services.SelectMany(service => service.Methods).Select(method => method.FullName))
            .Concat(messages.Select(message => message.FullName))
            .Concat(messages.SelectMany(message => message.Fields.InDeclarationOrder()).Select(field => field.FullName))
            .Concat(messages.SelectMany(message => message.Oneofs).Select(oneof => oneof.FullName))
            .Concat(file.EnumTypes.Concat(messages.SelectMany(message => message.EnumTypes)).SelectMany(NamesOf))
            .Concat(file.Extensions.UnorderedExtensions.Select(extension => extension.FullName));
    }

    // In .proto files the values of an enum are its siblings, not its children.
    private static IEnumerable<string> NamesOf(EnumDescriptor enumeration) =>
        enumeration.Values.Select(value => enumeration.FullName[..^enumeration.Name.Length] + value.Name).Prepend(enumeration.FullName);

    private static IEnumerable<MessageDescriptor> Nested(IEnumerable<MessageDescriptor> messages) =>
        messages.SelectMany(message => Nested(message.NestedTypes).Prepend(message));

    private static List<FileDescriptor> WithImports(FileDescriptor file)
    {
        var found = new List<FileDescriptor>();
        void Add(FileDescriptor next)
        {
            if (found.Contains(next)) return;
            found.Add(next);
            foreach (var import in next.Dependencies) Add(import);
        }
        Add(file);
        return found;
    }
}
