//! Plots as SVG: plain lines, colours that the colour-blind tell apart, and text that stays text.

use std::fmt::Write as _;

use lab_tracker::compare::MetricComparison;

use super::curves::Curve;
use super::html::escaped;
use crate::table::number;

const WIDTH: f64 = 640.0;
/// Okabe and Ito's colours (2008), without yellow, which is too light for lines.
const COLOURS: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"];
const FONT: &str = "font-family=\"Helvetica, Arial, sans-serif\"";
/// Most groups of a plot.
const MAX_GROUPS: usize = 60;

/// Where numbers lie on a line of the drawing.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Over these values, with a margin. Nothing where there are none.
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Option<Self> {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high || !(high - low).is_finite() {
            return None;
        }
        let margin = if high > low { 0.05 * (high - low) } else { 0.05 * low.abs().max(1e-9) };
        Some(Self { low: low - margin, high: high + margin, from, to })
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round numbers, about five.
    fn ticks(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= 0.7 * rough);
        let Some(step) = step.filter(|step| *step > 0.0 && step.is_finite()) else { return Vec::new() };
        let first = (self.low / step).ceil();
        (0..20).map(|i| (first + f64::from(i)) * step).take_while(|tick| *tick <= self.high).collect()
    }
}

fn begin(height: f64, title: &str) -> String {
    let title = escaped(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\">\n<title>{title}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"22\" {FONT} font-size=\"14\" font-weight=\"bold\">{title}</text>\n"
    )
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, what: &str) {
    writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {FONT} font-size=\"12\">{}</text>",
        escaped(what)
    )
    .ok();
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), style: &str) {
    writeln!(svg, "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {style}/>", from.0, from.1, to.0, to.1)
        .ok();
}

fn shortened(label: &str, most: usize) -> String {
    if label.chars().count() <= most {
        return label.to_owned();
    }
    label.chars().take(most - 1).chain(['…']).collect()
}

/// Each run as a point, and the mean of each group with its 95% interval. Nothing where there is no number.
pub(super) fn intervals(metric: &MetricComparison, baseline: &str) -> Option<String> {
    let samples = &metric.samples[..metric.samples.len().min(MAX_GROUPS)];
    let numbers = samples.iter().flat_map(|sample| {
        let ends = sample.interval.map(|(low, high)| [low, high]);
        sample.values.iter().flatten().copied().chain(ends.into_iter().flatten())
    });
    let (left, top, row) = (190.0, 40.0, 30.0);
    let bottom = top + row * samples.len() as f64;
    let scale = Scale::over(numbers, left, WIDTH - 20.0)?;
    let mut svg = begin(bottom + 44.0, &metric.name);
    for tick in scale.ticks() {
        let x = scale.at(tick);
        line(&mut svg, (x, top), (x, bottom), "stroke=\"#ddd\"");
        text(&mut svg, (x, bottom + 18.0), "middle", &number(tick));
    }
    line(&mut svg, (left, bottom), (WIDTH - 20.0, bottom), "stroke=\"#333\"");
    if let Some(mean) = samples.iter().find(|sample| sample.label == baseline).and_then(|sample| sample.mean) {
        let x = scale.at(mean);
        line(&mut svg, (x, top), (x, bottom), "stroke=\"#666\" stroke-dasharray=\"4 3\"");
    }
    for (index, sample) in samples.iter().enumerate() {
        let y = top + row * (index as f64 + 0.5);
        let colour = COLOURS[index % COLOURS.len()];
        text(&mut svg, (left - 10.0, y + 4.0), "end", &shortened(&sample.label, 26));
        for value in sample.values.iter().flatten() {
            let x = scale.at(*value);
            writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\" fill-opacity=\"0.35\"/>").ok();
        }
        if let Some((low, high)) = sample.interval {
            let style = format!("stroke=\"{colour}\" stroke-width=\"2\"");
            line(&mut svg, (scale.at(low), y), (scale.at(high), y), &style);
            for end in [low, high] {
                line(&mut svg, (scale.at(end), y - 5.0), (scale.at(end), y + 5.0), &style);
            }
        }
        if let Some(mean) = sample.mean {
            let x = scale.at(mean);
            let (l, r, t, b) = (x - 5.0, x + 5.0, y - 5.0, y + 5.0);
            let diamond = format!("{l:.1},{y:.1} {x:.1},{t:.1} {r:.1},{y:.1} {x:.1},{b:.1}");
            writeln!(svg, "<polygon points=\"{diamond}\" fill=\"{colour}\"/>").ok();
        }
    }
    Some(svg + "</svg>\n")
}

/// The mean of each group by step, with a band for its 95% interval. Nothing where there is no number.
pub(super) fn curves(metric: &str, curves: &[Curve]) -> Option<String> {
    let shown = &curves[..curves.len().min(MAX_GROUPS)];
    let (left, top, bottom) = (70.0, 40.0, 330.0);
    let points = || shown.iter().flat_map(|curve| &curve.points);
    let x = Scale::over(points().map(|point| point.step), left, WIDTH - 20.0)?;
    // Bands of few runs are wide: the means decide what is seen, and bands may leave the picture.
    let y = Scale::over(points().map(|point| point.mean), bottom, top)?;
    let height = bottom + 50.0 + 18.0 * shown.len() as f64;
    let mut svg = begin(height, metric);
    writeln!(
        svg,
        "<clipPath id=\"frame\"><rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\"/></clipPath>",
        WIDTH - 20.0 - left,
        bottom - top
    )
    .ok();
    for tick in y.ticks() {
        line(&mut svg, (left, y.at(tick)), (WIDTH - 20.0, y.at(tick)), "stroke=\"#ddd\"");
        text(&mut svg, (left - 8.0, y.at(tick) + 4.0), "end", &number(tick));
    }
    for tick in x.ticks() {
        line(&mut svg, (x.at(tick), bottom), (x.at(tick), bottom + 4.0), "stroke=\"#333\"");
        text(&mut svg, (x.at(tick), bottom + 18.0), "middle", &number(tick));
    }
    line(&mut svg, (left, bottom), (WIDTH - 20.0, bottom), "stroke=\"#333\"");
    text(&mut svg, (f64::midpoint(left, WIDTH - 20.0), bottom + 34.0), "middle", "step");
    for (index, curve) in shown.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let with_band: Vec<(f64, (f64, f64))> =
            curve.points.iter().filter_map(|point| Some((point.step, point.interval?))).collect();
        let upper = with_band.iter().map(|(step, (_, high))| (x.at(*step), y.at(*high)));
        let lower = with_band.iter().rev().map(|(step, (low, _))| (x.at(*step), y.at(*low)));
        if with_band.len() > 1 {
            let band = path(upper.chain(lower));
            writeln!(
                svg,
                "<polygon points=\"{band}\" fill=\"{colour}\" fill-opacity=\"0.15\" clip-path=\"url(#frame)\"/>"
            )
            .ok();
        }
        let mean = path(curve.points.iter().map(|point| (x.at(point.step), y.at(point.mean))));
        // Beyond the colours the lines are broken, so that no two are alike.
        let dash = match index / COLOURS.len() {
            0 => "",
            1 => " stroke-dasharray=\"6 3\"",
            _ => " stroke-dasharray=\"2 2\"",
        };
        writeln!(svg, "<polyline points=\"{mean}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dash}/>")
            .ok();
        let key = bottom + 52.0 + 18.0 * index as f64;
        line(&mut svg, (left, key), (left + 24.0, key), &format!("stroke=\"{colour}\" stroke-width=\"2\"{dash}"));
        text(&mut svg, (left + 32.0, key + 4.0), "start", &shortened(&curve.label, 70));
    }
    Some(svg + "</svg>\n")
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn ticks_are_round_and_within() {
        let scale = Scale::over([0.0, 10.0].into_iter(), 0.0, 100.0).unwrap();
        assert_eq!(scale.ticks(), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        let tiny = Scale::over([2.393, 2.401].into_iter(), 0.0, 100.0).unwrap();
        assert!(tiny.ticks().len() >= 3 && tiny.ticks().iter().all(|t| (2.392..2.402).contains(t)));
        for values in [vec![], vec![f64::NAN], vec![f64::MAX, f64::MIN]] {
            assert!(Scale::over(values.into_iter(), 0.0, 1.0).is_none());
        }
        let one = Scale::over([3.0].into_iter(), 0.0, 100.0).unwrap();
        assert!((one.at(3.0) - 50.0).abs() < 1e-9);
    }
}
