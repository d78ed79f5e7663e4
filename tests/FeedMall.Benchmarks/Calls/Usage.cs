using System.Globalization;

namespace FeedMall.Benchmarks.Calls;

/// <summary>What a process has used since it started.</summary>
/// <param name="Bytes">Allocated by managed code.</param>
/// <param name="Cpu">Of all its threads, in the kernel too.</param>
internal sealed record Usage(long Bytes, TimeSpan Cpu)
{
    public static Usage OfThisProcess() => new(GC.GetTotalAllocatedBytes(precise: true), Environment.CpuUsage.TotalTime);

    public static Usage Read(string text) =>
        new(long.Parse(text.Split(' ')[0], CultureInfo.InvariantCulture), TimeSpan.FromTicks(long.Parse(text.Split(' ')[1], CultureInfo.InvariantCulture)));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Bytes} {Cpu.Ticks}");
}
