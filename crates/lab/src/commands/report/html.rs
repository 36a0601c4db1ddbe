//! A report as one HTML file, plots within it.

use std::fmt::Write as _;

use super::document::{Cell, Document, TESTS};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}\
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}\
thead{border-top:2px solid;border-bottom:1px solid}tbody{border-bottom:2px solid}\
th,td{padding:.25rem .75rem;text-align:left}caption{caption-side:bottom;text-align:left;font-size:.85rem;padding-top:.5rem}\
figure{margin:1.5rem 0}figure svg{max-width:100%;height:auto}figcaption{font-size:.85rem}.scroll{overflow-x:auto}";

pub(super) fn write(document: &Document) -> String {
    let title = escaped(&document.title);
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    let headers =
        ["Group".to_owned(), "Runs".to_owned()].into_iter().chain(document.metrics.iter().map(|m| escaped(m)));
    let rows = document.rows.iter().map(|row| {
        let cells = row.cells.iter().map(cell);
        [escaped(&row.label), escaped(&row.runs)].into_iter().chain(cells).collect::<Vec<_>>()
    });
    table(&mut text, &headers.collect::<Vec<_>>(), rows, Some(&document.caption));
    for figure in &document.figures {
        let caption = escaped(&figure.caption);
        writeln!(text, "<figure>\n{}\n<figcaption>{caption}</figcaption>\n</figure>", figure.svg.trim_end()).ok();
    }
    text += "<h2>Tests</h2>\n";
    let tests = document.tests.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect());
    table(&mut text, &TESTS.map(str::to_owned), tests, None);
    list(&mut text, &document.sentences);
    if !document.warnings.is_empty() {
        text += "<h2>Mind</h2>\n";
        list(&mut text, &document.warnings);
    }
    for differences in &document.differences {
        writeln!(text, "<h2>{}</h2>", differences.title).ok();
        let headers: Vec<String> = differences.headers.iter().map(|header| escaped(header)).collect();
        let rows = differences.rows.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect());
        table(&mut text, &headers, rows, None);
    }
    text + "</body>\n</html>\n"
}

fn table(text: &mut String, headers: &[String], rows: impl Iterator<Item = Vec<String>>, caption: Option<&str>) {
    text.push_str("<div class=\"scroll\"><table>\n");
    if let Some(caption) = caption {
        writeln!(text, "<caption>{}</caption>", escaped(caption)).ok();
    }
    writeln!(text, "<thead><tr><th scope=\"col\">{}</th></tr></thead>", headers.join("</th><th scope=\"col\">")).ok();
    text.push_str("<tbody>\n");
    for row in rows {
        writeln!(text, "<tr><td>{}</td></tr>", row.join("</td><td>")).ok();
    }
    text.push_str("</tbody>\n</table></div>\n");
}

fn list(text: &mut String, sentences: &[String]) {
    text.push_str("<ul>\n");
    for sentence in sentences {
        writeln!(text, "<li>{}</li>", escaped(sentence)).ok();
    }
    text.push_str("</ul>\n");
}

fn cell(cell: &Cell) -> String {
    let mut text = escaped(&cell.mean);
    if let Some(half) = &cell.half {
        text += &format!(" ± {}", escaped(half));
    }
    if cell.is_best {
        text = format!("<strong>{text}</strong>");
    }
    if cell.stars > 0 {
        text += &format!("<sup>{}</sup>", "*".repeat(cell.stars));
    }
    if let Some(of) = &cell.of {
        text += &format!(" ({of} runs)");
    }
    text
}

/// Text for an element or an attribute, of HTML and of SVG.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
