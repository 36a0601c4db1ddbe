//! Guessing what a misspelt name was meant to be.

/// The known name that is at most two edits away, the nearest first.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long word is far from all of them, and comparing it is the only thing here that costs time.
    let word: Vec<char> = word.chars().take(40).flat_map(char::to_lowercase).collect();
    let most = if word.len() < 4 { 1 } else { 2 };
    known.into_iter().map(|name| (distance(&word, name), name)).filter(|(d, _)| *d <= most).min().map(|(_, name)| name)
}

/// How many characters have to be put in, taken out or replaced.
fn distance(word: &[char], name: &str) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (i, n) in name.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, w) in word.iter().enumerate() {
            let replaced = diagonal + usize::from(*w != n);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[word.len()]
}
