//! Tables for people.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table};
use jiff::Timestamp;

use crate::printer::harmless;

/// A table without lines: headers, then rows. Columns whose header begins with `>` are aligned to the right.
pub(crate) fn table<R>(headers: &[&str], rows: R) -> Table
where
    R: IntoIterator<Item = Vec<String>>,
{
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if !headers.is_empty() {
        table.set_header(headers.iter().map(|h| Cell::new(h.trim_start_matches('>')).add_attribute(Attribute::Bold)));
    }
    for row in rows {
        table.add_row(row.iter().map(|text| harmless(text)));
    }
    for (column, header) in table.column_iter_mut().zip(headers) {
        column.set_padding((0, 2));
        if header.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A number with at most six significant digits, as people read it.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    if value == 0.0 || (1e-4..1e7).contains(&value.abs()) {
        let digits = (5 - value.abs().max(1e-4).log10().floor() as i32).clamp(0, 9) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    } else {
        format!("{value:.4e}")
    }
}

/// A time as far from now as a person would say it.
pub(crate) fn ago(time: Timestamp, now: Timestamp) -> String {
    let secs = now.duration_since(time).as_secs();
    match secs {
        ..0 => "in the future".to_owned(),
        0..60 => format!("{secs}s ago"),
        60..3_600 => format!("{}m ago", secs / 60),
        3_600..86_400 => format!("{}h ago", secs / 3_600),
        86_400..=2_592_000 => format!("{}d ago", secs / 86_400),
        _ => time.strftime("%Y-%m-%d").to_string(),
    }
}

/// A duration in the two units that matter.
pub(crate) fn duration(secs: f64) -> String {
    let whole = secs.round() as u64;
    match whole {
        _ if secs < 10.0 => format!("{secs:.1}s"),
        0..60 => format!("{whole}s"),
        60..3_600 => format!("{}m {}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{}h {}m", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{}d {}h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

/// A size in binary units.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_true() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (0.123_456_789, "0.123457"),
            (1234.5, "1234.5"),
            (100.0, "100"),
            (3e-5, "3.0000e-5"),
            (f64::NAN, "NaN"),
            (-2.5, "-2.5"),
            (1e9, "1.0000e9"),
            (120_000.0, "120000"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn durations_name_two_units() {
        assert_eq!(duration(3.21), "3.2s");
        assert_eq!(duration(61.0), "1m 1s");
        assert_eq!(duration(90_000.0), "1d 1h");
    }
}
