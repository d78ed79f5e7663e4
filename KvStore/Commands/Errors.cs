namespace FeedMall.KvStore.Commands;

/// <summary>Error replies that several commands give, in Redis' words: clients compare them.</summary>
internal static class Errors
{
    public static ReadOnlySpan<byte> Syntax => "ERR syntax error"u8;
    public static ReadOnlySpan<byte> NotAnInteger => "ERR value is not an integer or out of range"u8;
    public static ReadOnlySpan<byte> NotAFloat => "ERR value is not a valid float"u8;
    public static ReadOnlySpan<byte> NotPositive => "ERR value is out of range, must be positive"u8;
    public static ReadOnlySpan<byte> WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value"u8;
    public static ReadOnlySpan<byte> HoldsTooMuch => "ERR this connection queues, watches or subscribes to too much (client-query-buffer-limit)"u8;
    public static ReadOnlySpan<byte> NoSuchKey => "ERR no such key"u8;
    public static ReadOnlySpan<byte> OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'."u8;
    public static ReadOnlySpan<byte> NoAuth => "NOAUTH Authentication required."u8;
    public static ReadOnlySpan<byte> DatabaseRange => "ERR DB index is out of range"u8;
    public static ReadOnlySpan<byte> TooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)"u8;
    public static ReadOnlySpan<byte> Overflow => "ERR increment or decrement would overflow"u8;

    public static string CannotWrite(string reason) => $"MISCONF Errors writing to the AOF file: {reason}";
}
