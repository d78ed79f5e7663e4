using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FeedMall.Testing.Hostile;

/// <summary>How much of each kind of hostile input.</summary>
/// <param name="Connections">Connections that each send many senseless commands at once and then one input that breaks the protocol.</param>
/// <param name="CommandsEach">Senseless commands of each of them.</param>
/// <param name="Halves">Connections that send half a command and are silent until the server closes them: its idle timeout decides when.</param>
/// <param name="Drips">Connections that send commands byte by byte.</param>
public sealed record AttackPlan(int Connections, int CommandsEach, int Halves, int Drips)
{
    /// <summary>What each attacker waits between two connections.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>All inputs.</summary>
    public int Inputs => Connections * (CommandsEach + 1) + Halves + Drips * HostileAttack.CommandsPerDrip;
}

/// <summary>
/// Many hostile clients at once. Each checks what it can see: its commands are all answered, in order, up to a mark, and the server ends the connection
/// after what breaks the protocol. Anything else is an exception.
/// </summary>
public sealed class HostileAttack(int port, AttackPlan plan, int seed)
{
    /// <summary>How many commands come byte by byte on one connection.</summary>
    public const int CommandsPerDrip = 5;

    private const int Attackers = 8;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private int _connections, _drips;

    /// <summary>Inputs that were sent and whose effect was seen.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    private long _sent;

    /// <summary>Sends everything.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var names = await CommandNamesAsync(port, cancellationToken);
        var inputs = new HostileInputs(seed, names);
        var silent = Enumerable.Range(0, plan.Halves).Select(_ => inputs.Half()).ToList().Select(half => BeSilentAsync(half, cancellationToken)).ToList();
        var attackers = Enumerable.Range(1, Attackers).Select(number => Task.Run(() => AttackAsync(new HostileInputs(seed + number, names), cancellationToken), cancellationToken));
        await Task.WhenAll(attackers);
        await Task.WhenAll(silent);
    }

    /// <summary>Names of all commands that the server knows.</summary>
    public static async Task<IReadOnlyList<string>> CommandNamesAsync(int port, CancellationToken cancellationToken)
    {
        using var client = await OpenAsync(port, cancellationToken);
        using var reader = new StreamReader(new NetworkStream(client), Encoding.Latin1);
        await client.SendAsync("*2\r\n$7\r\nCOMMAND\r\n$4\r\nLIST\r\n"u8.ToArray(), cancellationToken);
        var names = new List<string>();
        for (var left = int.Parse((await reader.ReadLineAsync(cancellationToken))![1..], null); left > 0; left--)
        {
            await reader.ReadLineAsync(cancellationToken);
            names.Add((await reader.ReadLineAsync(cancellationToken))!);
        }
        // A client that says good-bye is not hostile, and its commands behind that are not answered.
        names.Remove("quit");
        return names;
    }

    private async Task AttackAsync(HostileInputs inputs, CancellationToken cancellationToken)
    {
        while (Interlocked.Increment(ref _drips) <= plan.Drips) await DripAsync(cancellationToken);
        for (var number = Interlocked.Increment(ref _connections); number <= plan.Connections; number = Interlocked.Increment(ref _connections))
        {
            await PipelineAsync(inputs, number, cancellationToken);
            if (plan.Pause > TimeSpan.Zero) await Task.Delay(plan.Pause, cancellationToken);
        }
    }

    private async Task PipelineAsync(HostileInputs inputs, int number, CancellationToken cancellationToken)
    {
        using var client = await OpenAsync(port, cancellationToken);
        using var bytes = new MemoryStream();
        for (var i = 0; i < plan.CommandsEach; i++) inputs.WriteCommand(bytes);
        var mark = $"mark:{number:D12}";
        bytes.Write("*1\r\n$5\r\nRESET\r\n*2\r\n$4\r\nECHO\r\n"u8);
        HostileInputs.WriteArgument(bytes, mark);
        var answers = ReadToMarkAsync(client, $"${mark.Length}\r\n{mark}\r\n", cancellationToken);
        await client.SendAsync(bytes.GetBuffer().AsMemory(0, (int)bytes.Length), cancellationToken);
        await answers;
        Interlocked.Add(ref _sent, plan.CommandsEach);
        await SendAsync(client, inputs.Breaking(number % HostileInputs.BreakingKinds), cancellationToken);
        // Random bytes may be the beginning of something: then they end here.
        EndSending(client);
        await ReadToEndAsync(client, cancellationToken);
        Interlocked.Increment(ref _sent);
    }

    private async Task BeSilentAsync(byte[] half, CancellationToken cancellationToken)
    {
        using var client = await OpenAsync(port, cancellationToken);
        await client.SendAsync(half, cancellationToken);
        await ReadToEndAsync(client, cancellationToken);
        Interlocked.Increment(ref _sent);
    }

    private async Task DripAsync(CancellationToken cancellationToken)
    {
        using var client = await OpenAsync(port, cancellationToken);
        foreach (var letter in "*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\nPING\r\n*1\r\n$4\r\nnope\r\necho \"a\\x41\"\r\n"u8.ToArray()) await SendAsync(client, [letter], cancellationToken);
        await ReadToMarkAsync(client, "$2\r\n\r\n\r\n+PONG\r\n-ERR unknown command 'nope', with args beginning with: \r\n$2\r\naA\r\n", cancellationToken);
        foreach (var letter in "*1\r\n$-1\r\n"u8.ToArray()) await SendAsync(client, [letter], cancellationToken);
        await ReadToEndAsync(client, cancellationToken);
        Interlocked.Add(ref _sent, CommandsPerDrip);
    }

    private static async Task ReadToMarkAsync(Socket client, string mark, CancellationToken cancellationToken)
    {
        using var patience = Patience(cancellationToken);
        var (buffer, tail) = (new byte[32 * 1024], "");
        while (!tail.EndsWith(mark, StringComparison.Ordinal))
        {
            var received = await client.ReceiveAsync(buffer, patience.Token);
            if (received == 0) throw new IOException($"The server closed the connection before it had answered everything; the last it said: {tail}");
            tail += Encoding.Latin1.GetString(buffer, Math.Max(received - mark.Length, 0), Math.Min(received, mark.Length));
            tail = tail[Math.Max(tail.Length - mark.Length, 0)..];
        }
    }

    private static async Task ReadToEndAsync(Socket client, CancellationToken cancellationToken)
    {
        using var patience = Patience(cancellationToken);
        var buffer = new byte[1024];
        try
        {
            while (await client.ReceiveAsync(buffer, patience.Token) > 0) { }
        }
        catch (SocketException)
        {
            // It has closed with bytes of ours unread: an end too.
        }
    }

    private static async Task SendAsync(Socket client, byte[] bytes, CancellationToken cancellationToken)
    {
        try
        {
            await client.SendAsync(bytes, cancellationToken);
        }
        catch (SocketException)
        {
            // It has closed already; what it said is read next.
        }
    }

    private static void EndSending(Socket client)
    {
        try
        {
            client.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The server was faster.
        }
    }

    private static async Task<Socket> OpenAsync(int port, CancellationToken cancellationToken)
    {
        // Without lingering: tens of thousands of ports would wait for late packets.
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(true, 0) };
        await client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
        return client;
    }

    private static CancellationTokenSource Patience(CancellationToken cancellationToken)
    {
        var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        return patience;
    }
}
