//! A report as LaTeX to be `\input` into a paper: `booktabs` and `graphicx` are all it needs.

use std::fmt::Write as _;

use super::document::{Cell, Document, TESTS};

pub(super) fn write(document: &Document, extension: &str) -> String {
    let mut text = format!(
        "% {}\n% Needs \\usepackage{{booktabs}} and \\usepackage{{graphicx}}.\n",
        document.title.replace(|c: char| c.is_control(), " ")
    );
    let headers =
        ["Group".to_owned(), "Runs".to_owned()].into_iter().chain(document.metrics.iter().map(|m| escaped(m)));
    let rows = document.rows.iter().map(|row| {
        let cells = row.cells.iter().map(cell);
        [escaped(&row.label), escaped(&row.runs)].into_iter().chain(cells).collect::<Vec<_>>()
    });
    let caption = format!("{}. {}", document.title, document.caption);
    table(&mut text, &headers.collect::<Vec<_>>(), rows, &caption, "tab:comparison");
    let tests = document.tests.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect());
    let caption = "Each group against the baseline: difference of the means, its interval for this pair alone, the test, its \
                   corrected p-value and the effect size.";
    table(&mut text, &TESTS.map(str::to_owned), tests, caption, "tab:tests");
    for figure in &document.figures {
        write!(
            text,
            "\\begin{{figure}}[htbp]\n  \\centering\n  \\includegraphics[width=\\linewidth]{{{0}.{extension}}}\n  \
             \\caption{{{1}}}\n  \\label{{fig:{0}}}\n\\end{{figure}}\n\n",
            figure.name,
            escaped(&figure.caption)
        )
        .ok();
    }
    list(&mut text, "Verdicts", &document.sentences);
    list(&mut text, "Mind", &document.warnings);
    for (index, differences) in document.differences.iter().enumerate() {
        let headers: Vec<String> = differences.headers.iter().map(|header| escaped(header)).collect();
        let rows = differences.rows.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect());
        table(&mut text, &headers, rows, differences.title, &format!("tab:differences-{}", index + 1));
    }
    text
}

fn table(text: &mut String, headers: &[String], rows: impl Iterator<Item = Vec<String>>, caption: &str, label: &str) {
    let columns = "l".repeat(headers.len());
    writeln!(text, "\\begin{{table}}[htbp]\n  \\centering\n  \\begin{{tabular}}{{{columns}}}\n    \\toprule").ok();
    writeln!(text, "    {} \\\\\n    \\midrule", headers.join(" & ")).ok();
    for row in rows {
        writeln!(text, "    {} \\\\", row.join(" & ")).ok();
    }
    writeln!(
        text,
        "    \\bottomrule\n  \\end{{tabular}}\n  \\caption{{{}}}\n  \\label{{{label}}}\n\\end{{table}}\n",
        escaped(caption)
    )
    .ok();
}

fn list(text: &mut String, title: &str, sentences: &[String]) {
    if sentences.is_empty() {
        return;
    }
    writeln!(text, "\\paragraph{{{title}.}}\n\\begin{{itemize}}").ok();
    for sentence in sentences {
        writeln!(text, "  \\item {}", escaped(sentence)).ok();
    }
    text.push_str("\\end{itemize}\n\n");
}

fn cell(cell: &Cell) -> String {
    let number = |text: &str| text.parse::<f64>().map_or_else(|_| escaped(text), |_| format!("${text}$"));
    let mut text = match &cell.half {
        Some(half) if cell.mean.parse::<f64>().is_ok() => format!("${} \\pm {half}$", cell.mean),
        _ => number(&cell.mean),
    };
    if cell.is_best {
        // Within mathematics \textbf does nothing.
        text = format!("\\boldmath{text}\\unboldmath");
        text = format!("{{{text}}}");
    }
    if cell.stars > 0 {
        text += &format!("\\textsuperscript{{{}}}", "*".repeat(cell.stars));
    }
    if let Some(of) = &cell.of {
        text += &format!(" ({of} runs)");
    }
    text
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => safe.extend(['\\', c]),
            '\\' => safe += r"\textbackslash{}",
            '~' => safe += r"\textasciitilde{}",
            '^' => safe += r"\textasciicircum{}",
            '<' => safe += "$<$",
            '>' => safe += "$>$",
            '±' => safe += r"$\pm$",
            '↓' => safe += r"$\downarrow$",
            '↑' => safe += r"$\uparrow$",
            '–' => safe += "--",
            '…' => safe += r"\ldots{}",
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_are_text_and_no_commands() {
        assert_eq!(escaped(r"val_loss\input{x} 5% ↓"), r"val\_loss\textbackslash{}input\{x\} 5\% $\downarrow$");
    }
}
