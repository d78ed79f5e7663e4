namespace FeedMall.Resilience.Queueing;

/// <summary>How much it hurts when a request is refused. Under overload the last ones go first.</summary>
public enum Criticality : byte
{
    /// <summary>Money and safety: refused last.</summary>
    CriticalPlus,

    /// <summary>A user waits for it: the default.</summary>
    Critical,

    /// <summary>Can be done a few minutes later: background work that is retried.</summary>
    SheddablePlus,

    /// <summary>Can be left out now and then.</summary>
    Sheddable,
}

/// <summary>The texts of <see cref="Criticality"/>, as they travel in metadata.</summary>
public static class CriticalityTexts
{
    private static readonly string[] s_texts = ["critical_plus", "critical", "sheddable_plus", "sheddable"];

    /// <summary>The text of a tier.</summary>
    public static string Text(this Criticality criticality) => s_texts[(int)criticality];

    /// <summary>The tier of a text; capital letters count as small ones. False: it names none.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Criticality criticality)
    {
        for (var i = 0; i < s_texts.Length; i++)
        {
            criticality = (Criticality)i;
            if (text.Equals(s_texts[i], StringComparison.OrdinalIgnoreCase)) return true;
        }
        criticality = Criticality.Critical;
        return false;
    }
}
