//! A report in Markdown.

use std::fmt::Write as _;

use super::document::{Cell, Document, TESTS};

pub(super) fn write(document: &Document, extension: &str) -> String {
    let mut text = format!("# {}\n\n", escaped(&document.title));
    let headers =
        ["Group".to_owned(), "Runs".to_owned()].into_iter().chain(document.metrics.iter().map(|m| escaped(m)));
    let rows = document.rows.iter().map(|row| {
        let cells = row.cells.iter().map(cell);
        [escaped(&row.label), escaped(&row.runs)].into_iter().chain(cells).collect::<Vec<_>>()
    });
    table(&mut text, &headers.collect::<Vec<_>>(), rows);
    writeln!(text, "\n{}\n", escaped(&document.caption)).ok();
    for figure in &document.figures {
        writeln!(text, "![{0}]({1}.{extension})\n\n*{0}*\n", escaped(&figure.caption), figure.name).ok();
    }
    text += "## Tests\n\n";
    table(
        &mut text,
        &TESTS.map(str::to_owned),
        document.tests.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect::<Vec<_>>()),
    );
    text.push('\n');
    list(&mut text, &document.sentences);
    if !document.warnings.is_empty() {
        text += "## Mind\n\n";
        list(&mut text, &document.warnings);
    }
    for differences in &document.differences {
        writeln!(text, "## {}\n", differences.title).ok();
        let headers: Vec<String> = differences.headers.iter().map(|header| escaped(header)).collect();
        table(&mut text, &headers, differences.rows.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()));
        text.push('\n');
    }
    text
}

fn table(text: &mut String, headers: &[String], rows: impl Iterator<Item = Vec<String>>) {
    writeln!(text, "| {} |\n|{}", headers.join(" | "), " --- |".repeat(headers.len())).ok();
    for row in rows {
        writeln!(text, "| {} |", row.join(" | ")).ok();
    }
}

fn list(text: &mut String, sentences: &[String]) {
    for sentence in sentences {
        writeln!(text, "- {}", escaped(sentence)).ok();
    }
    text.push('\n');
}

fn cell(cell: &Cell) -> String {
    let mut text = escaped(&cell.mean);
    if let Some(half) = &cell.half {
        text += &format!(" ± {half}");
    }
    if cell.is_best {
        text = format!("**{text}**");
    }
    text += &r"\*".repeat(cell.stars);
    if let Some(of) = &cell.of {
        text += &format!(" ({of} runs)");
    }
    text
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => safe.extend(['\\', c]),
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
