using System.Globalization;

namespace FeedMall.Benchmarks.Overload;

/// <summary>What the domain service does for an answer: it works, or it waits, as for a database that has so many connections.</summary>
/// <param name="Kilobytes">To hash.</param>
/// <param name="Places">Answers that are made at a time; 0: as many as are asked for.</param>
/// <param name="Wait">For each, while it has a place.</param>
internal sealed record Work(int Kilobytes, int Places, TimeSpan Wait)
{
    private readonly SemaphoreSlim _places = new(Math.Max(1, Places));

    public static Work Parse(string text)
    {
        var parts = text.Split('/').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        return new Work(parts[0], parts[1], TimeSpan.FromMilliseconds(parts[2]));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kilobytes}/{Places}/{Wait.TotalMilliseconds:0}");

    public async Task WaitAsync(CancellationToken cancel)
    {
        if (Places == 0) return;
        await _places.WaitAsync(cancel);
        try
        {
            await Task.Delay(Wait, cancel);
        }
        finally
        {
            _places.Release();
        }
    }
}
