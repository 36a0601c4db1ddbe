//! How the program ends, and what it says when that is badly.

use std::process::ExitCode;

use anstream::eprintln;
use anstyle::{AnsiColor, Style};
use lab_server::Problem;

/// What the exit code tells a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Success,
    /// The answer is no: not found, refused, a check failed.
    No,
    /// Something is broken: the store, the network, this program.
    Broken,
    /// What the program ended with that this one ran.
    Program(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::No => Self::from(1),
            Exit::Broken => Self::from(2),
            Exit::Program(code) => Self::from(code),
        }
    }
}

/// What to do about an error, said after it.
#[derive(Debug)]
pub(crate) struct Hint(pub(crate) String);

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A refusal by the API as an error of the command.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Problem);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Refused {}

/// Whether the reader of our output has gone, which is no error: `lab runs list | head`.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe))
}

/// The exit code of an error: refused by what the user gave, or broken.
pub(crate) fn of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(Refused(problem)) = cause.downcast_ref() {
            return if problem.status < 500 { Exit::No } else { Exit::Broken };
        }
        if let Some(error) = cause.downcast_ref::<lab_model::Error>() {
            use lab_model::Code::{Conflict, InvalidState, NotFound, TomlParseError, Unauthorized, ValidationError};
            let is_refusal = matches!(
                error.code(),
                NotFound | ValidationError | InvalidState | Conflict | Unauthorized | TomlParseError
            );
            return if is_refusal { Exit::No } else { Exit::Broken };
        }
    }
    Exit::Broken
}

/// Says what went wrong, why, and what to do.
pub(crate) fn report(error: &anyhow::Error) {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let cyan = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
    let hint = error.downcast_ref::<Hint>();
    let mut causes = error.chain().map(ToString::to_string).skip(usize::from(hint.is_some()));
    if let Some(first) = causes.next() {
        eprintln!("{red}error{red:#}: {first}");
    }
    for cause in causes {
        eprintln!("  caused by: {cause}");
    }
    if let Some(hint) = hint {
        eprintln!("{cyan}hint{cyan:#}: {hint}");
    }
}
