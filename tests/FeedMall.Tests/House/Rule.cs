using Xunit;

namespace FeedMall.Tests.House;

/// <summary>How every house rule fails: with all its findings, and what to do about them.</summary>
internal static class Rule
{
    /// <summary>Fails with one line for each finding.</summary>
    public static void Holds(IEnumerable<string> findings, string whatToDo)
    {
        var all = findings.Distinct().Order(StringComparer.Ordinal).ToList();
        if (all.Count > 0) Assert.Fail($"{whatToDo}\n  {string.Join("\n  ", all)}");
    }
}
