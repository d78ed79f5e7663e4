using System.CodeDom.Compiler;
using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Collections.ObjectModel;
using System.Reflection;
using System.Text;
using Google.Protobuf;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>AllInOne and the tests run several copies of a service in one process, so nothing static may change.</summary>
public sealed class StaticStateTests
{
    // "Type.field" → why it is right.
    private static readonly Dictionary<string, string> s_exceptions = new()
    {
        ["FeedMall.Rpc.RequestContext.s_current"] = "its value belongs to an asynchronous flow, that is to one request, and not to the process",
        ["FeedMall.ServiceDefaults.Logs.RequestFields.s_current"] = "its value belongs to an asynchronous flow, that is to one request, and not to the process",
    };

    [Fact]
    public void No_room_has_static_state_that_changes()
    {
        var assemblies = Repository.RoomAssemblies().ToList();
        Assert.NotEmpty(assemblies);
        Rule.Holds(assemblies.SelectMany(assembly => assembly.GetTypes()).SelectMany(Findings).Where(name => !s_exceptions.ContainsKey(name)),
            "Make it an instance member of something the container owns, or a FrozenDictionary/ImmutableArray/const:");
    }

    [Theory]
    [InlineData(typeof(MutableField))]
    [InlineData(typeof(MutableProperty))]
    [InlineData(typeof(MutableCollection))]
    [InlineData(typeof(HiddenCollection))]
    [InlineData(typeof(StaticEvent))]
    public void Static_state_that_changes_is_found(Type type) => Assert.Single(Findings(type));

    [Fact]
    public void What_cannot_change_is_left_alone() => Assert.Empty(Findings(typeof(Constants)).Concat(Findings(typeof(TextReplies))));

    private static IEnumerable<string> Findings(Type type)
    {
        if (IsGenerated(type)) return [];
        const BindingFlags all = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        return type.GetFields(all).Where(IsMutable).Select(field => $"{type.FullName}.{PlainName(field)}");
    }

    private static bool IsMutable(FieldInfo field)
    {
        // Names with '<' are the compiler's: cached lambdas, but also the fields behind auto-properties, which count.
        if (field.IsLiteral || field.IsDefined(typeof(GeneratedCodeAttribute))) return false;
        if (field.Name.StartsWith('<') && !field.Name.EndsWith(">k__BackingField", StringComparison.Ordinal)) return false;
        if (!field.IsInitOnly || field.IsDefined(typeof(ThreadStaticAttribute))) return true;
        return IsMutableKind(field.FieldType);
    }

    private static bool IsMutableKind(Type type)
    {
        // A static readonly array of constants is too plain a thing to forbid; writing to one is seen in review.
        if (type.IsArray || typeof(Delegate).IsAssignableFrom(type)) return false;
        if (type == typeof(StringBuilder) || type == typeof(SemaphoreSlim) || type == typeof(Lock) || type == typeof(object)) return true;
        Type[] unchanging = [typeof(ReadOnlyCollection<>), typeof(ReadOnlyDictionary<,>), typeof(FrozenDictionary<,>), typeof(FrozenSet<>),
            typeof(ImmutableArray<>), typeof(ImmutableList<>), typeof(ImmutableDictionary<,>), typeof(ImmutableHashSet<>),
            typeof(IReadOnlyCollection<>), typeof(IReadOnlyList<>), typeof(IReadOnlyDictionary<,>), typeof(IReadOnlySet<>), typeof(IEnumerable<>)];
        if (type.IsGenericType && unchanging.Contains(type.GetGenericTypeDefinition())) return false;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(AsyncLocal<>)) return true;
        return typeof(IList).IsAssignableFrom(type) || typeof(IDictionary).IsAssignableFrom(type) ||
            type.GetInterfaces().Append(type).Any(face => face.IsGenericType &&
                (face.GetGenericTypeDefinition() == typeof(ICollection<>) || face.GetGenericTypeDefinition() == typeof(IProducerConsumerCollection<>)));
    }

    private static bool IsGenerated(Type type)
    {
        for (var outer = type; outer is not null; outer = outer.DeclaringType)
        {
            if (outer.IsDefined(typeof(GeneratedCodeAttribute))) return true;
            // protoc marks neither its messages nor the class that describes a file.
            if (typeof(IMessage).IsAssignableFrom(outer) || outer.Name.EndsWith("Reflection", StringComparison.Ordinal)) return true;
            if (outer.Name.StartsWith("<PrivateImplementationDetails>", StringComparison.Ordinal)) return true;
            // A generated gRPC class holds its method table.
            if (outer.GetNestedTypes().Any(nested => nested.GetCustomAttributes().Any(mark => mark.GetType().Name == "BindServiceMethodAttribute"))) return true;
        }
        return false;
    }

    private static string PlainName(FieldInfo field) => field.Name.Split('<', '>') is [_, var name, _] ? name : field.Name;

#pragma warning disable CA1823, CS0169, CS0649, CS0067, CS0414, CA2211, IDE0051, CA1802
    private static class MutableField { public static int Count; }

    private static class MutableProperty { public static string? Name { get; set; } }

    private static class MutableCollection { public static readonly Dictionary<string, int> Seen = []; }

    private static class HiddenCollection { public static IList<int> Numbers { get; } = new List<int>(); }

    private static class StaticEvent { public static event Action? Happened; }

    private static class TextReplies { public static readonly Func<int, int> Twice = number => 2 * number; }

    private static class Constants
    {
        public const int Most = 3;
        public static readonly string[] Names = ["a"];
        public static readonly FrozenSet<string> Set = FrozenSet.Create("a");
        public static ImmutableArray<int> Numbers { get; } = [1];
        public static readonly IReadOnlyDictionary<string, int> Table = new Dictionary<string, int> { ["a"] = 1 };
    }
#pragma warning restore
}
