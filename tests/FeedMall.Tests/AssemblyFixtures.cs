using FeedMall.Testing;
using Xunit;

[assembly: AssemblyFixture(typeof(PostgresServer))]
