namespace FeedMall.KvStore.Data;

/// <summary>Where collections are found by the number that their entry holds.</summary>
internal sealed class ObjectTable
{
    private readonly Stack<int> _free = new();
    private KvValue?[] _values = new KvValue?[64];
    private int _count;

    public int Add(KvValue value)
    {
        if (!_free.TryPop(out var number))
        {
            if (_count == _values.Length) Array.Resize(ref _values, _count * 2);
            number = _count++;
        }
        _values[number] = value;
        return number;
    }

    public KvValue Get(int number) => _values[number]!;

    public KvValue Remove(int number)
    {
        var value = _values[number]!;
        _values[number] = null;
        _free.Push(number);
        return value;
    }
}
