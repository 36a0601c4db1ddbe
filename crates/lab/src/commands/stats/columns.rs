//! Numbers from a CSV file: plain cells, without commas or line ends inside quotes.

use std::path::Path;

use anyhow::{Context as _, anyhow};

/// Plain numeric columns by their headers; an empty cell and `nan` are missing.
pub(super) fn read(path: &Path, names: &[String]) -> anyhow::Result<Vec<Vec<Option<f64>>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
    parse(&text, names).with_context(|| format!("`{}` is not a table of numbers", path.display()))
}

fn parse(text: &str, names: &[String]) -> anyhow::Result<Vec<Vec<Option<f64>>>> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, header) = lines.next().ok_or_else(|| anyhow!("it is empty"))?;
    let cells =
        |line: &'_ str| line.split(',').map(|cell| cell.trim().trim_matches('"').to_owned()).collect::<Vec<_>>();
    let headers = cells(header);
    let mut wanted = Vec::new();
    for name in names {
        let at = headers.iter().position(|header| header == name);
        wanted.push(at.ok_or_else(|| anyhow!("it has no column `{name}`; there are {}", headers.join(", ")))?);
    }
    let mut columns = vec![Vec::new(); names.len()];
    for (index, line) in lines {
        let cells = cells(line);
        for ((column, at), name) in columns.iter_mut().zip(&wanted).zip(names) {
            let cell = cells.get(*at).map(String::as_str).unwrap_or_default();
            column.push(match cell.to_ascii_lowercase().as_str() {
                "" | "nan" | "na" | "null" => None,
                _ => Some(
                    cell.parse::<f64>()
                        .map_err(|_| anyhow!("line {}: `{cell}` in `{name}` is no number", index + 1))?,
                ),
            });
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str, names: &[&str]) -> anyhow::Result<Vec<Vec<Option<f64>>>> {
        parse(text, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn columns_are_read_by_their_headers() {
        let text = "\u{feff}seed,\"old\", new\r\n0,1.5,2\r\n1,,3e0\r\n\r\n";
        assert_eq!(columns(text, &["new", "old"]).unwrap(), [vec![Some(2.0), Some(3.0)], vec![Some(1.5), None]]);
        let error = columns(text, &["loss"]).unwrap_err().to_string();
        assert_eq!(error, "it has no column `loss`; there are seed, old, new");
        let error = columns("a\n1\nx\n", &["a"]).unwrap_err().to_string();
        assert_eq!(error, "line 3: `x` in `a` is no number");
    }
}
