using System.Globalization;

namespace FeedMall.Benchmarks.Overload;

/// <summary>What the domain service does for an answer: it computes, or it waits, as for a database that has so many connections.</summary>
/// <param name="Kilobytes">To hash.</param>
/// <param name="Places">Answers that wait at a time; the others wait for a place. 0: there is no waiting.</param>
/// <param name="Wait">For each that has a place.</param>
internal sealed record Work(int Kilobytes, int Places, TimeSpan Wait)
{
    public static Work Parse(string text)
    {
        var parts = text.Split('/').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        return new Work(parts[0], parts[1], TimeSpan.FromMilliseconds(parts[2]));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kilobytes}/{Places}/{Wait.TotalMilliseconds:0}");
}
