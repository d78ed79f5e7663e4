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

    public string Describe() => string.Join(" and ", new[]
    {
        Kilobytes > 0 ? string.Create(CultureInfo.InvariantCulture, $"spends {Kilobytes / 1024.0:0.#} MiB of SHA-256, as many at a time as come") : null,
        Places > 0 ? string.Create(CultureInfo.InvariantCulture, $"waits {Wait.TotalMilliseconds:0} ms with one of {Places} places") : null,
    }.OfType<string>());

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kilobytes}/{Places}/{Wait.TotalMilliseconds:0}");
}
