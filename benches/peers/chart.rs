//! The chart: exchanges of each row, by server, on a logarithmic scale. Text is the viewer's: no font is needed to draw it.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::{page, results::Results, rows::ROWS, servers::Server};

const WIDTH: u32 = 1_000;
/// A bar, and a gap of as much between rows.
const BAR: u32 = 11;
const TOP: u32 = 60;
const LEFT: i32 = 150;
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 90, 160),
    RGBColor(90, 170, 230),
    RGBColor(200, 60, 40),
    RGBColor(230, 150, 40),
    RGBColor(120, 120, 120),
];

/// Draws docs/benchmarks/peers.svg.
pub fn draw(results: &Results) -> Result<()> {
    let path = page::folder().join("peers.svg");
    paint(results, &path).map_err(|error| anyhow!("{}: {error}", path.display()))
}

type Painted<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn paint(results: &Results, path: &std::path::Path) -> Painted<()> {
    let rows: Vec<_> = (1..)
        .zip(ROWS)
        .filter_map(|(number, row)| {
            let outcomes = results.rows.get(row.name)?;
            Some((format!("{number} {}", row.name), outcomes))
        })
        .collect();
    let group = BAR * (Server::ALL.len() as u32 + 1);
    let height = TOP + group * rows.len() as u32 + BAR;
    let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let text = ("sans-serif", 13).into_font();
    area.draw(&Text::new(
        "Exchanges (logarithmic), for one step, `next`, stop or hit where a row repeats",
        (LEFT, 8),
        text.clone(),
    ))?;
    for (index, (server, colour)) in Server::ALL.iter().zip(COLOURS).enumerate() {
        let x = LEFT + 170 * index as i32;
        area.draw(&Rectangle::new([(x, 32), (x + 12, 44)], colour.filled()))?;
        area.draw(&Text::new(
            server.title().replace('`', ""),
            (x + 18, 31),
            text.clone(),
        ))?;
    }
    let most = rows
        .iter()
        .flat_map(|(_, outcomes)| Server::ALL.iter().filter_map(|server| outcomes.of(*server)))
        .map(|measured| measured.exchanges())
        .fold(10.0, f64::max);
    let room = f64::from(WIDTH as i32 - LEFT - 80);
    let length = |exchanges: f64| (room * exchanges.max(1.0).log10() / most.log10()) as i32;
    for (number, (name, outcomes)) in rows.iter().enumerate() {
        let y = (TOP + group * number as u32) as i32;
        area.draw(&Text::new(name.as_str(), (8, y + 18), text.clone()))?;
        for (place, (server, colour)) in Server::ALL.iter().zip(COLOURS).enumerate() {
            let Some(measured) = outcomes.of(*server) else {
                continue;
            };
            let y = y + (BAR as usize * place) as i32;
            let end = LEFT + length(measured.exchanges()).max(1);
            area.draw(&Rectangle::new(
                [(LEFT, y), (end, y + BAR as i32 - 2)],
                colour.filled(),
            ))?;
            area.draw(&Text::new(
                figure(measured.exchanges()),
                (end + 4, y - 2),
                ("sans-serif", 10).into_font(),
            ))?;
        }
    }
    area.present()?;
    Ok(())
}

fn figure(exchanges: f64) -> String {
    if exchanges < 100.0 && exchanges.fract() > 0.0 {
        format!("{exchanges:.1}")
    } else {
        format!("{exchanges:.0}")
    }
}
