using Xunit;

namespace FeedMall.Tests.House;

/// <summary>tests/sum-up.sh turns the accounts of the test programs into one answer, and never a good one by mistake.</summary>
public sealed class SumUpTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("feedmall-sum-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Passing_programs_are_added_up()
    {
        Account("One", passed: 3);
        Account("Two", passed: 4);
        await AnswersAsync(0, "7 passed, 0 failed", "One", "Two");
    }

    [Fact]
    public async Task A_failed_test_fails_the_run()
    {
        Account("One", passed: 3);
        Account("Two", passed: 4, failed: 2, exitCode: 1);
        await AnswersAsync(1, "7 passed, 2 failed", "One", "Two");
    }

    [Fact]
    public async Task A_failed_test_fails_the_run_even_if_the_program_says_it_went_well()
    {
        Account("One", passed: 4, failed: 2, exitCode: 0);
        await AnswersAsync(1, "4 passed, 2 failed", "One");
    }

    [Fact]
    public async Task An_error_outside_of_a_test_fails_the_run()
    {
        Account("One", passed: 4, errors: 1, exitCode: 1);
        await AnswersAsync(1, "4 passed, 1 failed", "One");
    }

    [Fact]
    public async Task A_crash_that_leaves_no_account_fails_the_run()
    {
        Account("One", passed: 3);
        await File.WriteAllTextAsync(Path.Combine(_folder, "Two.exit"), "134\n", TestContext.Current.CancellationToken);
        await AnswersAsync(1, "3 passed, 1 failed", "One", "Two");
    }

    [Fact]
    public async Task A_crash_after_the_account_was_written_fails_the_run()
    {
        Account("One", passed: 3, exitCode: 139);
        await AnswersAsync(1, "3 passed, 1 failed", "One");
    }

    [Fact]
    public async Task An_account_that_breaks_off_fails_the_run()
    {
        Account("One", passed: 3);
        var path = Path.Combine(_folder, "One.xml");
        var text = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(path, text.Replace("</assemblies>", "", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        await AnswersAsync(1, "0 passed, 1 failed", "One");
    }

    [Theory]
    [InlineData("")]
    [InlineData("Hello")]
    [InlineData("<assemblies><assembly total=\"three\" passed=\"three\" failed=\"\" errors=\"\" skipped=\"\" not-run=\"\"></assembly></assemblies>")]
    public async Task Numbers_that_cannot_be_read_fail_the_run(string account)
    {
        Account("One", passed: 3);
        await File.WriteAllTextAsync(Path.Combine(_folder, "One.xml"), account, TestContext.Current.CancellationToken);
        await AnswersAsync(1, "0 passed, 1 failed", "One");
    }

    [Fact]
    public async Task Numbers_that_do_not_add_up_fail_the_run()
    {
        Account("One", passed: 3, total: 5);
        await AnswersAsync(1, "3 passed, 1 failed", "One");
    }

    [Fact]
    public async Task A_program_that_ran_no_test_fails_the_run()
    {
        Account("One", passed: 3);
        Account("Two", passed: 0);
        await AnswersAsync(1, "3 passed, 1 failed", "One", "Two");
    }

    [Fact]
    public async Task With_a_filter_a_program_may_be_empty_but_not_all_of_them()
    {
        Account("One", passed: 3);
        Account("Two", passed: 0);
        await AnswersAsync(0, "3 passed, 0 failed", filtered: true, "One", "Two");
        await AnswersAsync(1, "0 passed, 1 failed", filtered: true, "Two");
    }

    [Fact]
    public async Task A_skipped_test_is_not_a_pass()
    {
        Account("One", passed: 3, skipped: 1);
        await AnswersAsync(1, "3 passed, 0 failed, 1 skipped", "One");
    }

    [Fact]
    public async Task The_account_of_a_real_run_is_understood()
    {
        var (code, _) = await Shell.RunAsync("dotnet",
            [typeof(SumUpTests).Assembly.Location, "-quiet", "-noLogo", "-class", typeof(NameTests).FullName!, "-xml", Path.Combine(_folder, "One.xml")]);
        Assert.Equal(0, code);
        await File.WriteAllTextAsync(Path.Combine(_folder, "One.exit"), "0\n", TestContext.Current.CancellationToken);
        await AnswersAsync(0, "9 passed, 0 failed", "One");
    }

    [Fact]
    public async Task Failed_tests_are_named_with_the_beginning_of_their_message()
    {
        Account("One", passed: 1, failed: 2, exitCode: 1, tests: Test("Passes") + Test("Bff.Likes(text: &quot;&lt;a&gt; &amp;amp;&quot;)", "\n\nexpected <b> & c\n\nactual\nthird line")
            + Test("Feed.Reads", "<message> of " + new string('ä', 1000) + "</b>"));
        Account("Two", passed: 4, failed: 1, exitCode: 1, tests: """<test id="1" name="Mall.Buys" result="Fail"></test>""");
        var lines = await AnswersAsync(1, "5 passed, 3 failed", "One", "Two");
        Assert.Equal(["  Bff.Likes(text: \"<a> &amp;\")", "    expected <b> & c", "    actual",
            "  Feed.Reads", "    <message> of " + new string('ä', 283), "  Mall.Buys"], lines[2..^1]);
    }

    [Fact]
    public async Task An_error_outside_of_a_test_is_shown()
    {
        Account("One", passed: 1, errors: 1, exitCode: 1, tests: Test("Passes"),
            errorList: """<errors><error type="assembly-cleanup" name="One.dll"><failure><message><![CDATA[It broke.]]></message></failure></error></errors>""");
        Assert.Equal(["  One.dll", "    It broke."], (await AnswersAsync(1, "1 passed, 1 failed", "One"))[1..^1]);
    }

    [Fact]
    public async Task No_more_than_20_failed_tests_are_shown()
    {
        Account("One", passed: 0, failed: 30, exitCode: 1, tests: string.Concat(Enumerable.Range(1, 30).Select(i => Test($"T{i}", "no\nno\nno"))));
        var lines = await AnswersAsync(1, "0 passed, 30 failed", "One");
        Assert.Equal(["  T20", "    no", "    no", "  and 10 more"], lines[^5..^1]);
        Assert.Equal(1 + 20 * 3 + 1 + 1, lines.Length);
    }

    private static string Test(string name, string? failure = null) => failure is null
        ? $"""<test id="1" name="{name}" type="T" result="Pass" time="0.1"></test>"""
        : $"""<test id="1" name="{name}" type="T" result="Fail" time="0.1"><failure><message><![CDATA[{failure}]]></message><stack-trace><![CDATA[at <test name="b">]]></stack-trace></failure></test>""";

    private void Account(string program, int passed, int failed = 0, int skipped = 0, int errors = 0, int exitCode = 0, int? total = null, string tests = "", string errorList = "")
    {
        File.WriteAllText(Path.Combine(_folder, program + ".exit"), $"{exitCode}\n");
        var head = $"""
            <?xml version="1.0" encoding="utf-8"?><assemblies schema-version="3"><assembly name="{program}.dll" errors="{errors}" failed="{failed}"
            not-run="0" passed="{passed}" skipped="{skipped}" time="0.7" total="{total ?? passed + failed + skipped}">
            """.ReplaceLineEndings(" ");
        File.WriteAllText(Path.Combine(_folder, program + ".xml"), $"{head}{errorList}<collection>{tests}</collection></assembly></assemblies>");
    }

    private Task<string[]> AnswersAsync(int code, string lastLine, params string[] programs) => AnswersAsync(code, lastLine, filtered: false, programs);

    private async Task<string[]> AnswersAsync(int code, string lastLine, bool filtered, params string[] programs)
    {
        var result = await Shell.RunAsync("bash", ["tests/sum-up.sh", _folder, .. programs],
            new Dictionary<string, string> { ["SOME_MAY_BE_EMPTY"] = filtered ? "1" : "" });
        var lines = result.Output.TrimEnd('\n').Split('\n');
        Assert.Equal(lastLine, lines[^1]);
        Assert.Equal(code, result.Code);
        return lines;
    }
}
