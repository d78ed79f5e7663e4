using System.Buffers;
using System.Collections;
using System.Text;

namespace Grpc.Core;

/// <summary>
/// The headers or trailers of a call, in order; a key may stand more than once. Keys are kept in lower case and consist
/// of 0-9 a-z _ - and dot. A key that ends in "-bin" has bytes for a value, every other one printable ASCII.
/// </summary>
public sealed class Metadata : IList<Metadata.Entry>
{
    /// <summary>What the key of a binary entry ends in.</summary>
    public const string BinaryHeaderSuffix = "-bin";

    private readonly List<Entry> _entries = [];

    /// <inheritdoc/>
    public Entry this[int index] { get => _entries[index]; set => _entries[index] = value; }

    /// <inheritdoc/>
    public int Count => _entries.Count;

    /// <inheritdoc/>
    public bool IsReadOnly => false;

    /// <inheritdoc/>
    public void Add(Entry item) => _entries.Add(item);

    /// <summary>Adds a text entry.</summary>
    public void Add(string key, string value) => _entries.Add(new Entry(key, value));

    /// <summary>Adds a binary entry; the key must end in "-bin".</summary>
    public void Add(string key, byte[] valueBytes) => _entries.Add(new Entry(key, valueBytes));

    /// <summary>The last entry of this key, or null.</summary>
    public Entry? Get(string key)
    {
        for (var i = _entries.Count - 1; i >= 0; i--)
        {
            if (string.Equals(_entries[i].Key, key, StringComparison.OrdinalIgnoreCase)) return _entries[i];
        }
        return null;
    }

    /// <summary>The text of the last entry of this key, or null.</summary>
    public string? GetValue(string key) => Get(key)?.Value;

    /// <summary>The bytes of the last entry of this key, or null.</summary>
    public byte[]? GetValueBytes(string key) => Get(key)?.ValueBytes;

    /// <summary>All entries of this key, in order.</summary>
    public IEnumerable<Entry> GetAll(string key) =>
        _entries.Where(entry => string.Equals(entry.Key, key, StringComparison.OrdinalIgnoreCase));

    /// <inheritdoc/>
    public void Clear() => _entries.Clear();

    /// <inheritdoc/>
    public bool Contains(Entry item) => _entries.Contains(item);

    /// <inheritdoc/>
    public void CopyTo(Entry[] array, int arrayIndex) => _entries.CopyTo(array, arrayIndex);

    /// <inheritdoc/>
    public int IndexOf(Entry item) => _entries.IndexOf(item);

    /// <inheritdoc/>
    public void Insert(int index, Entry item) => _entries.Insert(index, item);

    /// <inheritdoc/>
    public bool Remove(Entry item) => _entries.Remove(item);

    /// <inheritdoc/>
    public void RemoveAt(int index) => _entries.RemoveAt(index);

    /// <inheritdoc/>
    public IEnumerator<Entry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>One key with one value.</summary>
    public sealed class Entry
    {
        private static readonly SearchValues<char> KeyCharacters =
            SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.");

        private readonly string? _text;
        private readonly byte[]? _bytes;

        /// <summary>A text entry.</summary>
        /// <exception cref="ArgumentException">The key has a forbidden character or ends in "-bin".</exception>
        public Entry(string key, string value)
        {
            Key = Checked(key);
            if (IsBinary) throw new ArgumentException($"The key '{Key}' ends in -bin, so its value must be bytes.", nameof(key));
            ArgumentNullException.ThrowIfNull(value);
            if (!IsText(value)) throw new ArgumentException($"The value of '{Key}' must be printable ASCII; use a key that ends in -bin for anything else.", nameof(value));
            _text = value;
        }

        /// <summary>A binary entry.</summary>
        /// <exception cref="ArgumentException">The key has a forbidden character or does not end in "-bin".</exception>
        public Entry(string key, byte[] valueBytes)
        {
            Key = Checked(key);
            if (!IsBinary) throw new ArgumentException($"The key '{Key}' of a binary value must end in -bin.", nameof(key));
            ArgumentNullException.ThrowIfNull(valueBytes);
            _bytes = valueBytes;
        }

        /// <summary>In lower case.</summary>
        public string Key { get; }

        /// <summary>Whether the value is bytes.</summary>
        public bool IsBinary => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        /// <summary>The text.</summary>
        /// <exception cref="InvalidOperationException">The entry is binary.</exception>
        public string Value => _text ?? throw new InvalidOperationException($"The entry '{Key}' is binary: read ValueBytes.");

        /// <summary>The bytes; of a text entry, its ASCII.</summary>
        public byte[] ValueBytes => _bytes ?? Encoding.ASCII.GetBytes(_text!);

        /// <inheritdoc/>
        public override string ToString() => IsBinary ? $"[{Key}: {_bytes!.Length} bytes]" : $"[{Key}: {_text}]";

        private static string Checked(string key)
        {
            ArgumentException.ThrowIfNullOrEmpty(key);
            if (!IsKey(key)) throw new ArgumentException($"A metadata key consists of 0-9 a-z _ - and dot, '{key}' does not.", nameof(key));
            return key.ToLowerInvariant();
        }

        internal static bool IsKey(string key) => key.Length > 0 && !key.AsSpan().ContainsAnyExcept(KeyCharacters);

        // The characters that a header can carry; line breaks in particular would forge headers.
        internal static bool IsText(string value) => !value.AsSpan().ContainsAnyExceptInRange(' ', '~');
    }
}
