using System.Runtime.CompilerServices;
using System.Text;

namespace FeedMall.KvStore.Protocol;

/// <summary>
/// The text of an error, written straight into the replies: whoever sends nonsense shall not fill the heap with strings. Text becomes Latin-1, bytes stay
/// as they are; CR and LF become blanks.
/// </summary>
[InterpolatedStringHandler]
internal readonly ref struct ErrorText
{
    private readonly ReplyWriter _reply;

    /// <summary>Begins an error; <see cref="ReplyWriter.Error(ErrorText)"/> ends it.</summary>
    public ErrorText(int literalLength, int formattedCount, ReplyWriter reply)
    {
        _reply = reply;
        reply.BeginError(literalLength);
    }

    public void AppendLiteral(string text) => AppendFormatted(text);

    public void AppendFormatted(string text) => Added(Encoding.Latin1.GetBytes(text, _reply.Room(text.Length)));

    public void AppendFormatted(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_reply.Room(bytes.Length));
        Added(bytes.Length);
    }

    private void Added(int length)
    {
        var added = _reply.Room(length)[..length];
        added.Replace((byte)'\r', (byte)' ');
        added.Replace((byte)'\n', (byte)' ');
        _reply.Added(length);
    }
}
