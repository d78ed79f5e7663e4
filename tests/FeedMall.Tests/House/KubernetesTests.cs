using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>The objects in k8s/base fit the code and each other. No cluster is needed to know that.</summary>
public sealed partial class KubernetesTests
{
    private static readonly string s_objects = ReadBase();

    [Fact]
    public void The_base_names_only_what_exists() =>
        Rule.Holds(Findings(s_objects, ContainerFacts.OfTheRepository()), "Bring k8s/base in line with the code:");

    [Fact]
    public void The_base_lists_every_file()
    {
        var listed = ContainerFacts.Yaml(Repository.Read("k8s/base/kustomization.yaml").Text).Single()["resources"]!.AsArray().Select(file => $"k8s/base/{file}");
        var there = Repository.Files(".yaml").Select(file => file.Path).Where(path => path.StartsWith("k8s/base/", StringComparison.Ordinal));
        Assert.Equal(there.Order(), listed.Append("k8s/base/kustomization.yaml").Order());
    }

    [Theory]
    [InlineData("  Bff__FeedAddresses:", "  Bff__FoodAddresses:", "no setting Bff:FoodAddresses")]
    [InlineData("http://domain-feed:8081", "http://domain-feed:8082", "domain-feed has no port 8082")]
    [InlineData("http://domain-feed:8081", "http://domain-food:8081", "no Service domain-food")]
    [InlineData("Feed__Cache__Addresses: kv:6380", "Feed__Cache__Addresses: kw:6380", "no Service kw")]
    [InlineData("Mall__Cache__Addresses: kv:6380", "Mall__Cache__Addresses: kv:6379", "kv has no port 6379")]
    [InlineData("containerPort: 6380", "containerPort: 6379", "no service has port 6379")]
    [InlineData("              port: resp", "              port: rasp", "readinessProbe asks port rasp")]
    [InlineData("claimName: kv-data", "claimName: kw-data", "no PersistentVolumeClaim kw-data")]
    [InlineData("  Kv__Password:", "  Kv__Passwort:", "no setting Kv:Passwort")]
    [InlineData("Feed__Url: http://0.0.0.0:8081", "Feed__Url: http://0.0.0.0:8071", "8071")]
    [InlineData("containerPort: 8081", "containerPort: 8071", "8071")]
    [InlineData("args: [\"Bff.dll\"]", "args: [\"Bof.dll\"]", "no program Bof.dll")]
    [InlineData("  Mall__Database:", "  Mall__Databass:", "no setting Mall:Databass")]
    [InlineData("- name: Log__InstanceId", "- name: Log__Instance", "no setting Log:Instance")]
    [InlineData("path: /readyz", "path: /steady", "no route /steady")]
    [InlineData("port: governor", "port: governess", "governess")]
    [InlineData("            grpc:\n              port: 8082", "            grpc:\n              port: 8081", "readinessProbe asks port 8081")]
    [InlineData("targetPort: grpc", "targetPort: grpk", "grpk")]
    [InlineData("  selector:\n    app: bff", "  selector:\n    app: bof", "selects no pod")]
    [InlineData("                name: bff\n                port:", "                name: bof\n                port:", "no Service bof")]
    [InlineData("name: feedmall-settings\n            - secretRef", "name: feedmall-gone\n            - secretRef", "no ConfigMap feedmall-gone")]
    [InlineData("runAsNonRoot: true", "runAsNonRoot: false", "runs as root")]
    [InlineData("maxUnavailable: 1\n  selector:\n    matchLabels:\n      app: bff", "maxUnavailable: 1\n  selector:\n    matchLabels:\n      app: b", "selects no pod")]
    [InlineData("claimName: bff-data", "claimName: bof-data", "no PersistentVolumeClaim bof-data")]
    [InlineData("livenessProbe:", "lifelessProbe:", "no livenessProbe")]
    public void A_wrong_line_is_found(string right, string wrong, string finding) =>
        ImageAndComposeTests.AssertFinds(s_objects, right, wrong, finding, text => Findings(text, ContainerFacts.OfTheRepository()));

    [Fact]
    public async Task Kustomize_renders_the_base()
    {
        // test.sh installs kubectl where it can; the checks above need no program.
        if (!Shell.Has("kubectl")) return;
        var (code, output) = await Shell.RunAsync("kubectl", ["kustomize", "k8s/base"]);
        Assert.True(code == 0, output);
        var rendered = ContainerFacts.Yaml(output).ToList();
        Assert.Equal(ContainerFacts.Yaml(s_objects).Count(), rendered.Count);
        Assert.All(rendered.Where(item => item["kind"]!.ToString() != "Namespace"), item => Assert.Equal("feedmall", item["metadata"]!["namespace"]!.ToString()));
        Assert.Empty(Findings(output, ContainerFacts.OfTheRepository()));
    }

    private static string ReadBase() => string.Join("\n---\n", Repository.Files(".yaml")
        .Where(file => file.Path.StartsWith("k8s/base/", StringComparison.Ordinal) && file.Name != "kustomization.yaml").Select(file => file.Text));

    private static IEnumerable<string> Findings(string text, ContainerFacts facts)
    {
        var all = ContainerFacts.Yaml(text).ToList();
        return all.SelectMany(item => (item["kind"]!.ToString() switch
        {
            "Deployment" => Deployment(item, all, facts),
            "Service" => Service(item, all),
            "ConfigMap" => Data(item["data"]!, all, facts),
            "Secret" => Data(item["stringData"]!, all, facts),
            "PodDisruptionBudget" => Selects(item["spec"]!["selector"]!["matchLabels"]!, all),
            "Ingress" => Ingress(item, all),
            "Namespace" or "PersistentVolumeClaim" => [],
            var other => [$"the test does not know this kind: {other}"],
        }).Select(finding => $"{item["kind"]} {Name(item)}: {finding}"));
    }

    private static IEnumerable<string> Deployment(JsonNode deployment, List<JsonNode> all, ContainerFacts facts)
    {
        var pod = deployment["spec"]!["template"]!["spec"]!;
        var container = pod["containers"]!.AsArray().Single()!;
        var findings = facts.Text(container["args"]!.ToJsonString())
            .Concat(Array(container["env"]).SelectMany(item => facts.Environment(Name(item), item["value"]?.ToString() ?? "")))
            .Concat(Array(container["ports"]).Select(port => port["containerPort"]!.ToString()).Where(port => !facts.Ports.Contains(port))
                .Select(port => $"no service has port {port}"))
            .Concat(Array(container["envFrom"]).SelectMany(source => References(source, all)))
            .Concat(new[] { "startupProbe", "livenessProbe", "readinessProbe" }.SelectMany(probe => Probe(probe, container, facts)));
        findings = findings.Concat(Array(pod["volumes"]).Select(volume => volume["persistentVolumeClaim"]?["claimName"]?.ToString()).OfType<string>()
            .Where(claim => Find("PersistentVolumeClaim", claim, all) is null).Select(claim => $"no PersistentVolumeClaim {claim}"));
        if (container["livenessProbe"]?.ToJsonString() == container["readinessProbe"]?.ToJsonString()) findings = findings.Append("alive and ready are asked the same");
        if (container["resources"]?["requests"] is null || container["resources"]?["limits"] is null) findings = findings.Append("no resources");
        if (pod["securityContext"]?["runAsNonRoot"]?.ToString() != "true") findings = findings.Append("runs as root");
        if (container["securityContext"]?["readOnlyRootFilesystem"]?.ToString() != "true") findings = findings.Append("can write on its root file system");
        return findings.Concat(Selects(deployment["spec"]!["selector"]!["matchLabels"]!, all));
    }

    private static IEnumerable<string> Probe(string kind, JsonNode container, ContainerFacts facts)
    {
        if (container[kind] is not { } probe)
        {
            yield return $"no {kind}";
            yield break;
        }
        var port = (probe["httpGet"] ?? probe["grpc"] ?? probe["tcpSocket"])?["port"]?.ToString();
        if (!Array(container["ports"]).Any(item => Name(item) == port || item["containerPort"]!.ToString() == port)) yield return $"{kind} asks port {port}, which is not one of the container's";
        if (probe["httpGet"]?["path"]?.ToString() is { } path && !facts.Routes.Contains(path)) yield return $"{kind}: no route {path}";
    }

    private static IEnumerable<string> References(JsonNode source, List<JsonNode> all)
    {
        var (kind, name) = source["configMapRef"] is { } map ? ("ConfigMap", Name(map)) : ("Secret", Name(source["secretRef"]!));
        if (Find(kind, name, all) is null) yield return $"no {kind} {name}";
    }

    private static IEnumerable<string> Data(JsonNode data, List<JsonNode> all, ContainerFacts facts)
    {
        foreach (var (key, value) in data.AsObject())
        {
            foreach (var finding in facts.Environment(key, value!.ToString())) yield return finding;
            var addresses = Address().Matches(value.ToString()).Select(address => (address.Groups[1].Value, address.Groups[2].Value)).Concat(ContainerFacts.Stores(key, value.ToString()));
            foreach (var (host, port) in addresses)
            {
                if (host is "0.0.0.0") continue;
                if (Find("Service", host, all) is not { } target) yield return $"no Service {host}";
                else if (!Array(target["spec"]!["ports"]).Any(item => item["port"]!.ToString() == port)) yield return $"{host} has no port {port}";
            }
        }
    }

    private static IEnumerable<string> Service(JsonNode service, List<JsonNode> all)
    {
        var pods = Pods(service["spec"]!["selector"]!, all).ToList();
        if (pods.Count == 0) yield return "selects no pod";
        foreach (var target in Array(service["spec"]!["ports"]).Select(port => port["targetPort"]!.ToString()))
        {
            foreach (var pod in pods)
                if (!Array(pod["spec"]!["containers"]![0]!["ports"]).Any(port => Name(port) == target)) yield return $"its pods have no port {target}";
        }
    }

    private static IEnumerable<string> Ingress(JsonNode ingress, List<JsonNode> all)
    {
        foreach (var path in Array(ingress["spec"]!["rules"]).SelectMany(rule => Array(rule["http"]!["paths"])))
        {
            var backend = path["backend"]!["service"]!;
            if (Find("Service", Name(backend), all) is not { } target) yield return $"no Service {Name(backend)}";
            else if (!Array(target["spec"]!["ports"]).Any(port => Name(port) == Name(backend["port"]!))) yield return $"{Name(backend)} has no port {Name(backend["port"]!)}";
        }
    }

    private static IEnumerable<string> Selects(JsonNode labels, List<JsonNode> all) => Pods(labels, all).Any() ? [] : ["selects no pod"];

    private static IEnumerable<JsonNode> Pods(JsonNode labels, List<JsonNode> all) => all.Where(item => item["kind"]!.ToString() == "Deployment")
        .Select(item => item["spec"]!["template"]!)
        .Where(pod => labels.AsObject().All(label => pod["metadata"]!["labels"]![label.Key]?.ToString() == label.Value!.ToString()));

    private static JsonNode? Find(string kind, string name, List<JsonNode> all) =>
        all.FirstOrDefault(item => item["kind"]!.ToString() == kind && Name(item) == name);

    private static string Name(JsonNode item) => (item["metadata"]?["name"] ?? item["name"])!.ToString();

    private static IEnumerable<JsonNode> Array(JsonNode? list) => list?.AsArray().Select(item => item!) ?? [];

    [GeneratedRegex(@"https?://([\w.\-]+):(\d+)")]
    private static partial Regex Address();
}
