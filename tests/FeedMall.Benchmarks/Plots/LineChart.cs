using System.Globalization;
using System.Security;
using System.Text;

namespace FeedMall.Benchmarks.Plots;

/// <summary>One line of a chart.</summary>
internal sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>A stretch of the x axis with a grey background, for example an outage.</summary>
internal sealed record Band(string Name, double From, double To);

/// <summary>Lines over one x axis as SVG that reads well on light and dark pages: no script, no font of its own, the same bytes for the same figures.</summary>
internal sealed record LineChart(string Title, string X, string Y, IReadOnlyList<Series> Lines)
{
    private const double Width = 800, Height = 380, Left = 64, Right = 220, Top = 40, Bottom = 48;

    // Told apart also by those who see no red or green (Okabe and Ito).
    private static readonly string[] s_colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6E6E6E"];

    public IReadOnlyList<Band> Bands { get; init; } = [];

    /// <summary>Upper end of the y axis; the greatest value when not given.</summary>
    public double? MaxY { get; init; }

    public string ToSvg()
    {
        var (minX, maxX) = (Lines.Min(line => line.Points.Min(point => point.X)), Lines.Max(line => line.Points.Max(point => point.X)));
        var yStep = Step(MaxY ?? Lines.Max(line => line.Points.Max(point => point.Y)));
        var xStep = Step(maxX - minX);
        var maxY = Math.Max(yStep, Math.Ceiling((MaxY ?? Lines.Max(line => line.Points.Max(point => point.Y))) / yStep - 1e-9) * yStep);
        double AtX(double x) => Left + (x - minX) / Math.Max(maxX - minX, double.Epsilon) * (Width - Left - Right);
        double AtY(double y) => Height - Bottom - Math.Min(y, maxY) / maxY * (Height - Top - Bottom);

        var svg = new StringBuilder();
        Add(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">");
        Add(svg, $"<rect width=\"{Width}\" height=\"{Height}\" fill=\"#ffffff\"/>");
        Label(svg, Left, 22, Title, "start", "font-size=\"15\" font-weight=\"bold\"");
        foreach (var band in Bands)
        {
            Add(svg, $"<rect x=\"{AtX(band.From):0.#}\" y=\"{Top}\" width=\"{AtX(band.To) - AtX(band.From):0.#}\" height=\"{Height - Top - Bottom}\" fill=\"#eeeeee\"/>");
            Label(svg, (AtX(band.From) + AtX(band.To)) / 2, Top + 14, band.Name, "middle", "fill=\"#777777\"");
        }
        for (var y = 0.0; y <= maxY * (1 + 1e-9); y += yStep)
        {
            Add(svg, $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{AtY(y):0.#}\" y2=\"{AtY(y):0.#}\" stroke=\"#dddddd\"/>");
            Label(svg, Left - 8, AtY(y) + 4, Number(y), "end", "");
        }
        for (var x = Math.Ceiling(minX / xStep - 1e-9) * xStep; x <= maxX + xStep * 1e-9; x += xStep) Label(svg, AtX(x), Height - Bottom + 18, Number(x), "middle", "");
        Add(svg, $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Height - Bottom}\" y2=\"{Height - Bottom}\" stroke=\"#333333\"/>");
        Label(svg, (Left + Width - Right) / 2, Height - 10, X, "middle", "");
        Add(svg, $"<text transform=\"translate(16 {(Top + Height - Bottom) / 2:0.#}) rotate(-90)\" text-anchor=\"middle\">{SecurityElement.Escape(Y)}</text>");
        for (var i = 0; i < Lines.Count; i++) AddLine(svg, i, AtX, AtY);
        return svg.Append("</svg>\n").ToString();
    }

    private void AddLine(StringBuilder svg, int index, Func<double, double> atX, Func<double, double> atY)
    {
        var colour = s_colours[index % s_colours.Length];
        var points = string.Join(' ', Lines[index].Points.Select(point => FormattableString.Invariant($"{atX(point.X):0.#},{atY(point.Y):0.#}")));
        Add(svg, $"<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linejoin=\"round\"/>");
        var y = Top + 10 + index * 20;
        Add(svg, $"<line x1=\"{Width - Right + 12}\" x2=\"{Width - Right + 34}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"3\"/>");
        Label(svg, Width - Right + 40, y + 4, Lines[index].Name, "start", "");
    }

    private static void Label(StringBuilder svg, double x, double y, string text, string anchor, string style) =>
        Add(svg, $"<text x=\"{x:0.#}\" y=\"{y:0.#}\" text-anchor=\"{anchor}\" {style}>{SecurityElement.Escape(text)}</text>");

    private static void Add(StringBuilder svg, FormattableString line) => svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static string Number(double value) => (Math.Round(value, 6) + 0.0).ToString("#,0.######", CultureInfo.InvariantCulture);

    // The round distance (1, 2 or 5 times a power of ten) that cuts the span into 4 to 10 pieces.
    private static double Step(double span)
    {
        if (span <= 0) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(span / 4)));
        return new[] { 5 * power, 2 * power, power }.First(step => step <= span / 4 * (1 + 1e-9));
    }
}
