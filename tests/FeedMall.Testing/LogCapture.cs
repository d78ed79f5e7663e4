using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Testing;

/// <summary>Keeps what a host logs, so that a test can say that nothing was logged as our defect.</summary>
public sealed class LogCapture : ILoggerProvider
{
    private readonly ConcurrentQueue<Entry> _entries = new();

    /// <summary>Everything so far.</summary>
    public IReadOnlyCollection<Entry> Entries => _entries;

    /// <summary>Fails the test, with the entries, when anything was logged as an error.</summary>
    public void AssertNoErrors() => Assert.Empty(_entries.Where(entry => entry.Level >= LogLevel.Error));

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, _entries);

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>One log entry.</summary>
    public sealed record Entry(LogLevel Level, string Category, string Message, Exception? Exception);

    private sealed class Logger(string category, ConcurrentQueue<Entry> entries) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            entries.Enqueue(new Entry(logLevel, category, formatter(state, exception), exception));
    }
}
