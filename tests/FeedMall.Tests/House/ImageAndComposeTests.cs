using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>Dockerfile and docker-compose.yml name only what exists. No container engine is needed to know that.</summary>
public sealed partial class ImageAndComposeTests
{
    private static readonly string s_dockerfile = Repository.Read("Dockerfile").Text;
    private static readonly string s_compose = Repository.Read("docker-compose.yml").Text;
    private static readonly string s_variables = Repository.Read(".env.example").Text;

    [Fact]
    public void The_Dockerfile_names_only_what_exists() =>
        Rule.Holds(Image(s_dockerfile, ContainerFacts.OfTheRepository()), "Bring the Dockerfile in line with the code:");

    [Fact]
    public void The_compose_file_names_only_what_exists() =>
        Rule.Holds(Compose(s_compose, s_variables, ContainerFacts.OfTheRepository()), "Bring docker-compose.yml in line with the code:");

    [Theory]
    [InlineData("COPY Bff/Bff.csproj Bff/", "COPY Bof/Bff.csproj Bof/", "no Bof/Bff.csproj")]
    [InlineData("COPY Rpc/Rpc.csproj Rpc/\n", "", "Rpc/Rpc.csproj is not copied before the restore")]
    [InlineData("Bff__Url=", "Bff__Ural=", "no setting Bff:Ural")]
    [InlineData("EXPOSE 8080", "EXPOSE 8079", "8079")]
    [InlineData("8082 6380", "8082 6379", "6379")]
    [InlineData("\"AllInOne.dll\"", "\"OneInAll.dll\"", "no program OneInAll.dll")]
    [InlineData("/readyz", "/steady", "no route /steady")]
    [InlineData("USER $APP_UID\n", "", "runs as root")]
    [InlineData("dotnet/aspnet:10.0", "dotnet/aspnet:9.0", "9.0")]
    [InlineData("HEALTHCHECK", "#", "no health check")]
    [InlineData("libsqlite3-0", "sqlite", "libsqlite3-0")]
    public void A_wrong_line_of_the_Dockerfile_is_found(string right, string wrong, string finding) =>
        AssertFinds(s_dockerfile, right, wrong, finding, text => Image(text, ContainerFacts.OfTheRepository()));

    [Theory]
    [InlineData("Feed__Database:", "Feed__Databass:", "no setting Feed:Databass")]
    [InlineData("http://0.0.0.0:8081", "http://0.0.0.0:8071", "8071")]
    [InlineData("command: [\"Bff.dll\"]", "command: [\"Bof.dll\"]", "no program Bof.dll")]
    [InlineData("http://domain-feed:8081", "http://domain-food:8081", "no service domain-food")]
    [InlineData("http://domain-feed:8081", "http://domain-feed:8082", "domain-feed does not listen on 8082")]
    [InlineData("${CACHE_ADDRESS:-kv:6380}", "${CACHE_ADDRESS:-kw:6380}", "no service kw")]
    [InlineData("${CACHE_ADDRESS:-kv:6380}", "${CACHE_ADDRESS:-redis:6380}", "redis does not listen on 6380")]
    [InlineData("Kv__Port: \"6380\"", "Kv__Port: \"6381\"", "kv does not listen on 6380")]
    [InlineData("command: [\"KvStore.dll\"]", "command: [\"KvShop.dll\"]", "no program KvShop.dll")]
    [InlineData("9083/readyz", "9082/readyz", "kv does not listen on 9082")]
    [InlineData("Kv__AppendOnly:", "Kv__Append:", "no setting Kv:Append")]
    [InlineData("9081/readyz", "9082/readyz", "domain-feed does not listen on 9082")]
    [InlineData("9081/readyz", "9081/steady", "no route /steady")]
    [InlineData("127.0.0.1:8080:8080", "8080:8080", "every network")]
    [InlineData("127.0.0.1:8080:8080", "127.0.0.1:8080:8090", "does not listen on 8090")]
    [InlineData("${FEED_PASSWORD:?", "${FOOD_PASSWORD:?", "FOOD_PASSWORD")]
    [InlineData("./deploy/postgres/create-databases.sh:", "./deploy/postgres/gone.sh:", "gone.sh")]
    [InlineData("      domain-mall:\n        condition", "      domain-moll:\n        condition", "domain-moll")]
    public void A_wrong_line_of_the_compose_file_is_found(string right, string wrong, string finding) =>
        AssertFinds(s_compose, right, wrong, finding, text => Compose(text, s_variables, ContainerFacts.OfTheRepository()));

    [Fact]
    public async Task Docker_compose_accepts_the_file()
    {
        // test.sh installs it where it can; the checks above need no program.
        if (!Shell.Has("docker-compose")) return;
        var (code, output) = await Shell.RunAsync("docker-compose", ["--env-file", ".env.example", "config"]);
        Assert.True(code == 0, output);
        Assert.Contains("condition: service_healthy", output, StringComparison.Ordinal);
    }

    internal static void AssertFinds(string text, string right, string wrong, string finding, Func<string, IEnumerable<string>> check)
    {
        Assert.Contains(right, text, StringComparison.Ordinal);
        Assert.Contains(check(text.Replace(right, wrong, StringComparison.Ordinal)), line => line.Contains(finding, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Image(string text, ContainerFacts facts)
    {
        var lines = text.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Where(line => !line.StartsWith('#')).ToList();
        var code = string.Join('\n', lines);
        var copied = lines.Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from", StringComparison.Ordinal))
            .SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..^1]).ToList();
        var findings = copied.Where(path => !Repository.Exists(path)).Select(path => $"COPY: no {path}")
            .Concat(Repository.Rooms().Select(room => $"{room}/{room}.csproj").Where(project => !copied.Contains(project))
                .Select(project => $"{project} is not copied before the restore"))
            .Concat(facts.Text(code))
            .Concat(Setting().Matches(code).SelectMany(match => facts.Environment(match.Groups[1].Value, "")))
            .Concat(lines.Where(line => line.StartsWith("EXPOSE ", StringComparison.Ordinal)).SelectMany(line => line.Split(' ')[1..])
                .Where(port => !facts.Ports.Contains(port)).Select(port => $"EXPOSE: no service has port {port}"))
            .Concat(lines.Where(line => line.StartsWith("FROM ", StringComparison.Ordinal) && !line.Contains(":10.0", StringComparison.Ordinal))
                .Select(line => $"{line}: the target framework is net10.0"));
        if (!lines.Any(line => line.StartsWith("USER $APP_UID", StringComparison.Ordinal))) findings = findings.Append("the image runs as root");
        if (!lines.Any(line => line.StartsWith("HEALTHCHECK ", StringComparison.Ordinal))) findings = findings.Append("the image has no health check");
        if (!code.Contains(" libsqlite3-0 ", StringComparison.Ordinal)) findings = findings.Append("the image has no libsqlite3-0");
        return findings;
    }

    private static IEnumerable<string> Compose(string text, string variables, ContainerFacts facts)
    {
        var file = ContainerFacts.Yaml(text).Single();
        var services = file["services"]!.AsObject();
        var known = variables.Split('\n').Where(line => line.Contains('=')).Select(line => line.Split('=')[0]).ToHashSet();
        foreach (Match variable in Variable().Matches(text))
            if (!known.Contains(variable.Groups[1].Value)) yield return $"{variable.Groups[1].Value} is not in .env.example";
        // The file's own address of the cache, and the one that the examples propose.
        var proposed = variables.Split('\n').Single(line => line.StartsWith("CACHE_ADDRESS=", StringComparison.Ordinal))["CACHE_ADDRESS=".Length..];
        foreach (var (host, port) in ContainerFacts.Stores("Cache__Addresses", proposed))
            foreach (var finding in Target(host, port, services)) yield return $".env.example: {finding}";
        foreach (var (name, service) in services)
        {
            foreach (var finding in Service(name, service!, services, facts)) yield return $"{name}: {finding}";
        }
    }

    private static IEnumerable<string> Service(string name, JsonNode service, JsonObject services, ContainerFacts facts)
    {
        var ours = service["image"]?.ToString() == "feedmall";
        foreach (var (key, value) in service["environment"]?.AsObject() ?? [])
        {
            if (!ours) continue;
            foreach (var finding in facts.Environment(key, value!.ToString())) yield return finding;
            foreach (Match address in Address().Matches(value.ToString()))
                foreach (var finding in Target(address.Groups[1].Value, address.Groups[2].Value, services)) yield return finding;
            foreach (var (host, port) in ContainerFacts.Stores(key, value.ToString()))
                foreach (var finding in Target(host, port, services)) yield return finding;
        }
        foreach (var finding in facts.Text(service["command"]?.ToJsonString() ?? "")) yield return finding;
        var health = service["healthcheck"]?["test"]?.ToJsonString() ?? "";
        if (health.Length == 0) yield return "no health check";
        foreach (var finding in facts.Text(health).Concat(ContainerFacts.PortsIn(health).SelectMany(port => Listens(name, port, service)))) yield return finding;
        foreach (var port in (service["ports"]?.AsArray() ?? []).Select(port => port!.ToString()))
        {
            if (!port.StartsWith("127.0.0.1:", StringComparison.Ordinal)) yield return $"port {port} is open to every network";
            foreach (var finding in ours ? Listens(name, port.Split(':')[^1], service) : []) yield return finding;
        }
        foreach (var source in (service["volumes"]?.AsArray() ?? []).Select(volume => volume!.ToString().Split(':')[0]))
            if (source.StartsWith("./", StringComparison.Ordinal) && !Repository.Exists(source)) yield return $"no {source}";
        foreach (var (other, _) in service["depends_on"]?.AsObject() ?? [])
            if (services[other] is null) yield return $"depends on {other}, which is no service";
    }

    private static IEnumerable<string> Target(string host, string port, JsonObject services)
    {
        if (host is "0.0.0.0" or "127.0.0.1") yield break;
        if (services[host] is not { } target) yield return $"no service {host}";
        else foreach (var finding in Listens(host, port, target)) yield return finding;
    }

    private static IEnumerable<string> Listens(string name, string port, JsonNode service)
    {
        // Redis listens where it always does, ours where their settings say.
        var own = service["image"]!.ToString().StartsWith("redis:", StringComparison.Ordinal) ? ["6379"] : service["environment"]!.AsObject()
            .SelectMany(item => item.Key == "Kv__Port" ? [item.Value!.ToString()] : item.Key.EndsWith("Url", StringComparison.Ordinal) ? ContainerFacts.PortsIn(item.Value!.ToString()) : []);
        if (!own.Contains(port)) yield return $"{name} does not listen on {port}";
    }

    [GeneratedRegex(@"(?:^ENV|\s)([A-Za-z]+__[A-Za-z]+|DataDirectory)=", RegexOptions.Multiline)]
    private static partial Regex Setting();

    [GeneratedRegex(@"\$\{(\w+)")]
    private static partial Regex Variable();

    [GeneratedRegex(@"https?://([\w.\-]+):(\d+)")]
    private static partial Regex Address();
}
