//! What the program prints: passed through as it is, and taken down line by line.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use lab_client::{Run, now};
use lab_model::{LogLevel, LogLine, LogStream};

use crate::printer::Printer;

/// Longest line that is kept, in bytes.
const MAX_LINE: usize = 16_000;
/// Lines of a stack trace that are kept.
const MAX_TRACE: usize = 200;

/// Copies what comes to where it belongs, and gives its lines to the run, until there is no more.
pub(super) fn pass_on(
    mut from: impl Read,
    mut to: impl Write,
    stream: LogStream,
    run: &Run,
    trace: &Mutex<Trace>,
    out: Printer,
) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 << 10];
    let mut can_keep = true;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        // First, so that what somebody has seen is kept.
        can_keep = can_keep && keep(lines.push(&buffer[..count]), stream, run, trace, out);
        // Whoever read us has gone: so that the program learns it too, its pipe is closed with ours.
        if to.write_all(&buffer[..count]).and_then(|()| to.flush()).is_err() {
            break;
        }
    }
    if can_keep {
        keep(lines.finish(), stream, run, trace, out);
    }
}

/// Answers whether the lines could be kept.
fn keep(texts: Vec<String>, stream: LogStream, run: &Run, trace: &Mutex<Trace>, out: Printer) -> bool {
    if texts.is_empty() {
        return true;
    }
    let time = now();
    let mut trace = trace.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = texts.into_iter().map(|text| {
        let text = match lab_capture::mask_secrets(&text) {
            std::borrow::Cow::Borrowed(_) => text,
            std::borrow::Cow::Owned(masked) => masked,
        };
        if stream == LogStream::Stderr {
            trace.push(&text);
        }
        LogLine { level: level_of(&text), time, text, stream: Some(stream) }
    });
    match run.log_lines(lines.collect()) {
        Ok(()) => true,
        Err(error) => {
            out.warn(format_args!("what the program prints is not kept any more: {error}"));
            false
        }
    }
}

/// Cuts bytes into lines as a terminal would show them in the end.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The bytes after the last line end.
    rest: Vec<u8>,
}

impl Lines {
    /// The lines that are whole with these bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.last() == Some(&b'\n') {
                lines.push(shown(&self.rest));
                self.rest.clear();
            } else if self.rest.len() > MAX_LINE {
                self.shorten(&mut lines);
            }
        }
        lines
    }

    /// What stands behind the last line end.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        let rest = std::mem::take(&mut self.rest);
        let line = shown(&rest);
        if line.is_empty() { Vec::new() } else { vec![line] }
    }

    /// A progress bar writes one line over and over, and its last state counts; a line without end is cut.
    fn shorten(&mut self, lines: &mut Vec<String>) {
        match self.rest.iter().rposition(|byte| *byte == b'\r') {
            Some(at) if at + 1 < self.rest.len() => _ = self.rest.drain(..=at),
            _ => {}
        }
        if self.rest.len() > MAX_LINE {
            let end = (MAX_LINE - 3..=MAX_LINE).rev().find(|&at| self.rest[at] & 0xc0 != 0x80).unwrap_or(MAX_LINE);
            let line: Vec<u8> = self.rest.drain(..end).collect();
            lines.push(shown(&line));
        }
    }
}

/// A line as it stands in a terminal: after its last return to the start, without colours.
fn shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |at| at + 1);
    let line = &line[..end];
    let start = line.iter().rposition(|byte| *byte == b'\r').map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(&line[start..]);
    if text.contains('\u{1b}') { anstream::adapter::strip_str(&text).to_string() } else { text.into_owned() }
}

/// The level that a line names, or info.
pub(crate) fn level_of(line: &str) -> LogLevel {
    let is_separator = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let levels = line.split_inclusive(is_separator).enumerate().filter_map(|(i, piece)| {
        let word = piece.trim_end_matches(is_separator);
        let has_colon = piece.ends_with(':');
        match word {
            "CRITICAL" | "FATAL" => Some(LogLevel::Critical),
            "ERROR" => Some(LogLevel::Error),
            "WARN" | "WARNING" => Some(LogLevel::Warning),
            "DEBUG" | "TRACE" => Some(LogLevel::Debug),
            "error" | "fatal" if i == 0 && has_colon => Some(LogLevel::Error),
            "warning" if i == 0 && has_colon => Some(LogLevel::Warning),
            "Traceback" if line.starts_with("Traceback (most recent call last)") => Some(LogLevel::Error),
            name if i == 0 && has_colon && names_exception(name) => Some(LogLevel::Error),
            name if has_colon && name.ends_with("Warning") => Some(LogLevel::Warning),
            _ => None,
        }
    });
    levels.max().unwrap_or(LogLevel::Info)
}

/// Whether a word is the name of an exception, as `ValueError` or `torch.cuda.OutOfMemoryError`.
fn names_exception(word: &str) -> bool {
    let name = word.rsplit('.').next().unwrap_or(word);
    let is_class = name.starts_with(|c: char| c.is_ascii_uppercase());
    is_class && (name.ends_with("Error") || name.ends_with("Exception") || name == "KeyboardInterrupt")
}

/// An exception that a program told of before it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) error_type: String,
    pub(super) message: String,
    pub(super) stack_trace: String,
}

/// Watches stderr for a Python traceback: the last one tells why a script failed.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// The lines of one that has begun.
    open: VecDeque<String>,
    is_open: bool,
    last: Option<Failure>,
}

impl Trace {
    fn push(&mut self, line: &str) {
        if line.starts_with("Traceback (most recent call last)") {
            self.open.clear();
            self.open.push_back(line.to_owned());
            self.is_open = true;
            return;
        }
        if !self.is_open {
            return;
        }
        self.open.push_back(line.to_owned());
        if self.open.len() > MAX_TRACE {
            // The head names the trace; of what follows the end is nearest to the fault.
            self.open.remove(1);
        }
        let is_frame = line.starts_with([' ', '\t']) || line.is_empty();
        if !is_frame {
            self.is_open = false;
            let (error_type, message) = line.split_once(": ").unwrap_or((line, ""));
            let lines: Vec<&str> = self.open.iter().map(String::as_str).collect();
            self.last = Some(Failure {
                error_type: error_type.chars().take(200).collect(),
                message: if message.is_empty() { line.to_owned() } else { message.to_owned() },
                stack_trace: lines.join("\n"),
            });
        }
    }

    pub(super) fn failure(trace: &Arc<Mutex<Self>>) -> Option<Failure> {
        trace.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_a_terminal_shows_in_the_end() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"one\ntw"), ["one"]);
        assert_eq!(lines.push(b"o\r\n 1%\r 50%\r100%"), ["two"]);
        assert_eq!(lines.push(b"\n\x1b[31mred\x1b[0m \xff\n"), ["100%", "red \u{fffd}"]);
        assert_eq!(lines.push(b"no end"), Vec::<String>::new());
        assert_eq!(lines.finish(), ["no end"]);
        assert_eq!(lines.finish(), Vec::<String>::new());
    }

    #[test]
    fn a_line_without_end_is_cut_between_characters_and_loses_nothing() {
        let mut lines = Lines::default();
        let text = "ü".repeat(MAX_LINE);
        let mut got: Vec<String> = text.as_bytes().chunks(999).flat_map(|chunk| lines.push(chunk)).collect();
        assert!(got.iter().all(|line| line.len() <= MAX_LINE));
        got.extend(lines.finish());
        assert_eq!(got.concat(), text);
    }

    #[test]
    fn a_progress_bar_without_line_ends_stays_small() {
        let mut lines = Lines::default();
        for step in 0..100_000 {
            assert_eq!(lines.push(format!("\r{step:>6} steps").as_bytes()), Vec::<String>::new());
        }
        assert!(lines.rest.len() <= MAX_LINE + 13);
        assert_eq!(lines.push(b"\n"), [" 99999 steps"]);
    }

    #[test]
    fn lines_name_their_level() {
        for (line, level) in [
            ("loss 0.5", LogLevel::Info),
            ("2026-11-23 12:00:00,1 WARNING train: slow", LogLevel::Warning),
            ("[ERROR] no GPU", LogLevel::Error),
            ("ValueError: bad shape", LogLevel::Error),
            ("torch.cuda.OutOfMemoryError: CUDA out of memory", LogLevel::Error),
            ("a.py:3: UserWarning: old", LogLevel::Warning),
            ("Traceback (most recent call last):", LogLevel::Error),
            ("error: could not compile", LogLevel::Error),
            ("the mean error: 0.1", LogLevel::Info),
            ("CRITICAL ERROR", LogLevel::Critical),
            ("DEBUG step 1", LogLevel::Debug),
            ("NO_ERROR", LogLevel::Info),
        ] {
            assert_eq!(level_of(line), level, "{line}");
        }
    }

    #[test]
    fn the_last_traceback_tells_why() {
        let mut trace = Trace::default();
        let text = "Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'x'\n\n\
                    During handling of the above exception, another exception occurred:\n\n\
                    Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    raise\nValueError: a: b\nbye";
        text.lines().for_each(|line| trace.push(line));
        let failure = trace.last.unwrap();
        assert_eq!((failure.error_type.as_str(), failure.message.as_str()), ("ValueError", "a: b"));
        assert!(failure.stack_trace.starts_with("Traceback") && failure.stack_trace.ends_with("ValueError: a: b"));
    }
}
