using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>The encodings of messages (spec §13.5): identity and gzip.</summary>
internal static class Compression
{
    public const string Identity = "identity";
    public const string Gzip = "gzip";

    /// <summary>The value of grpc-accept-encoding.</summary>
    public const string Accepted = "identity,gzip";

    private const int ChunkBytes = 8 * 1024;
    private const int LengthBytes = 4;
    private const int LeastGzipBytes = 18;

    /// <summary>Whether a header grpc-encoding names one that is understood here; none is the same as identity.</summary>
    public static bool IsKnown(string? encoding) => encoding is null or "" or Identity or Gzip;

    /// <summary>Whether a peer with this grpc-accept-encoding can read gzip.</summary>
    public static bool AcceptsGzip(string? acceptEncoding)
    {
        foreach (var name in acceptEncoding.AsSpan().Split(','))
        {
            if (acceptEncoding.AsSpan()[name].Trim().Equals(Gzip, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    /// <summary>Appends the gzip form of the bytes. Every message is a compression of its own.</summary>
    public static void Compress(ReadOnlySpan<byte> bytes, IBufferWriter<byte> target)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(bytes);
        target.Write(compressed.GetBuffer().AsSpan(0, (int)compressed.Length));
    }

    /// <summary>The bytes behind a gzip form.</summary>
    /// <param name="maxBytes">Where to stop: a few bytes can stand for gigabytes, so what comes out is counted while it comes.</param>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED over the limit, INTERNAL for what is no gzip.</exception>
    public static PooledBuffer Decompress(ReadOnlySequence<byte> compressed, int maxBytes)
    {
        var plain = new PooledBuffer(ChunkBytes);
        var isWhole = false;
        var bytes = compressed.ToArray();
        try
        {
            using var gzip = new GZipStream(new MemoryStream(bytes, writable: false), CompressionMode.Decompress);
            while (gzip.Read(plain.GetSpan(ChunkBytes)) is > 0 and var read)
            {
                plain.Advance(read);
                if (plain.Length > maxBytes)
                    throw new RpcException(new Status(StatusCode.ResourceExhausted, $"The decompressed message has more than {maxBytes} bytes."));
            }
            // The stream takes a form that is cut off for its end. A whole one ends with the length of what it stands for. For nothing
            // .NET's own encoder writes nothing.
            if (bytes.Length > 0 && (bytes.Length < LeastGzipBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(^LengthBytes..)) != (uint)plain.Length))
                throw new InvalidDataException("The gzip form lacks its end.");
            isWhole = true;
            return plain;
        }
        catch (InvalidDataException)
        {
            throw new RpcException(new Status(StatusCode.Internal, "The message is not compressed in the way its headers say."));
        }
        finally
        {
            if (!isWhole) plain.Dispose();
        }
    }
}
