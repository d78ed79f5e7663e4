namespace FeedMall.KvStore.Commands;

/// <summary>Compares arguments with the words of the protocol.</summary>
internal static class Word
{
    /// <summary>Whether an argument is this word, in any case.</summary>
    /// <param name="argument">What was sent.</param>
    /// <param name="word">Of ASCII.</param>
    public static bool Is(ReadOnlySpan<byte> argument, string word)
    {
        if (argument.Length != word.Length) return false;
        for (var i = 0; i < word.Length; i++)
        {
            if (argument[i] == word[i]) continue;
            if ((argument[i] | 0x20) != (word[i] | 0x20) || !char.IsAsciiLetter(word[i])) return false;
        }
        return true;
    }
}
