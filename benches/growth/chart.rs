//! Curves as SVG beside docs/benchmarks.md.

use plotters::prelude::*;

use crate::page;

/// What a chart says besides its curves.
pub struct Chart<'a> {
    /// The file is `growth-NAME.svg`.
    pub name: &'a str,
    pub title: &'a str,
    pub x: Axis<'a>,
    pub y: Axis<'a>,
}

/// An axis that counts in powers of two or ten.
pub struct Axis<'a> {
    pub title: &'a str,
    pub from: f64,
    pub to: f64,
    pub base: f64,
    pub label: fn(&f64) -> String,
}

/// A curve with its name.
pub type Curve<'a> = (&'a str, Vec<(f64, f64)>);

const SIZE: (u32, u32) = (860, 420);
const COLOURS: [RGBColor; 4] = [
    RGBColor(0x1f, 0x5f, 0xa8),
    RGBColor(0xc2, 0x4d, 0x1d),
    RGBColor(0x2e, 0x7d, 0x32),
    RGBColor(0x6a, 0x3d, 0x9a),
];

impl Chart<'_> {
    /// Draws `curves`; the text that shows the drawing on the page.
    pub fn draw(&self, curves: &[Curve<'_>]) -> String {
        let file = format!("growth-{}.svg", self.name);
        let path = page::folder().join(&file);
        let area = SVGBackend::new(&path, SIZE).into_drawing_area();
        self.plot(&area, curves).expect("a chart");
        area.present().expect("docs/benchmarks");
        format!("![{}](benchmarks/{file})\n", self.title)
    }

    fn plot<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
        curves: &[Curve<'_>],
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let range = |axis: &Axis<'_>| (axis.from..axis.to).log_scale().base(axis.base);
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .margin_right(32)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(range(&self.x), range(&self.y))?;
        chart
            .configure_mesh()
            .x_desc(self.x.title)
            .y_desc(self.y.title)
            .x_label_formatter(&self.x.label)
            .y_label_formatter(&self.y.label)
            .light_line_style(WHITE)
            .axis_desc_style(("sans-serif", 14))
            .draw()?;
        for ((name, points), colour) in curves.iter().zip(COLOURS) {
            chart
                .draw_series(LineSeries::new(
                    points.iter().copied(),
                    colour.stroke_width(2),
                ))?
                .label(*name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
            chart.draw_series(
                points
                    .iter()
                    .map(|point| Circle::new(*point, 3, colour.filled())),
            )?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()
    }
}

/// 1 KB, 64 MB.
pub fn bytes(bytes: &f64) -> String {
    const UNITS: [(f64, &str); 2] = [(1024.0 * 1024.0, "MB"), (1024.0, "KB")];
    match UNITS.iter().find(|(unit, _)| *bytes >= *unit) {
        Some((unit, name)) => format!("{} {name}", (bytes / unit * 10.0).round() / 10.0),
        None => format!("{bytes} B"),
    }
}

/// 12, 0.5.
pub fn plain(number: &f64) -> String {
    let rounded = format!("{number:.4}");
    rounded
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}
