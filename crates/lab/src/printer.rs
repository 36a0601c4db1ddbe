//! Where output goes: data to stdout, everything said to a person to stderr.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How much is said, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    /// Data as JSON.
    pub(crate) json: bool,
    /// Nothing but data and errors.
    pub(crate) quiet: bool,
}

impl Printer {
    /// Prints one value as JSON.
    pub(crate) fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        serde_json::to_writer_pretty(&mut out, value)?;
        writeln!(out)
    }

    /// Prints one value as a line of JSON, at once: for what goes on.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        serde_json::to_writer(&mut out, value)?;
        writeln!(out)?;
        out.flush()
    }

    /// Prints a line of data.
    pub(crate) fn line(&self, text: impl std::fmt::Display) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// Says something to a person.
    pub(crate) fn say(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            // Nothing can be done where stderr is closed.
            writeln!(anstream::stderr(), "{text}").ok();
        }
    }

    /// Says something that went less than well.
    pub(crate) fn warn(&self, text: impl std::fmt::Display) {
        let yellow = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
        self.say(format_args!("{yellow}warning{yellow:#}: {text}"));
    }

    /// A bar for `bytes` of work; hidden off a terminal.
    pub(crate) fn bytes_bar(&self, bytes: u64) -> ProgressBar {
        self.bar(bytes, "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
    }

    /// A bar for a number of things, with a message behind it; hidden off a terminal.
    pub(crate) fn count_bar(&self, count: u64, things: &str) -> ProgressBar {
        self.bar(count, &format!("{{bar:30}} {{pos}}/{{len}} {things} {{eta}} {{wide_msg}}"))
    }

    /// Shows that something goes on whose length nobody knows; hidden off a terminal.
    pub(crate) fn spinner(&self, message: impl Into<String>) -> ProgressBar {
        let bar = self.bar(0, "{spinner} {wide_msg} {elapsed}");
        bar.set_message(message.into());
        bar
    }

    fn bar(&self, length: u64, template: &str) -> ProgressBar {
        let target = if self.quiet || self.json || !io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// Bold where the terminal can.
pub(crate) fn bold(text: impl std::fmt::Display) -> String {
    let bold = Style::new().bold();
    format!("{bold}{text}{bold:#}")
}

/// Text from a stranger with its control characters made visible, so that it cannot drive the terminal.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}
