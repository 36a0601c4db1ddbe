//! Why a procedure gives no answer.

/// Why a procedure gives no answer.
///
/// Each variant is something a caller can tell apart: bad data, a question without an answer, a question too large to
/// answer exactly, or a name nobody knows. Messages say what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// The sample is too small for the procedure.
    #[error("`{name}` has {got} value{}; give at least {needed}", if *got == 1 { "" } else { "s" })]
    TooFew {
        /// Which sample.
        name: String,
        /// Fewest values that work.
        needed: usize,
        /// Values given.
        got: usize,
    },
    /// Two lists that belong together have different lengths.
    #[error("`{first}` has {first_len} values and `{second}` has {second_len}; give equally many")]
    UnequalLengths {
        /// First list.
        first: String,
        /// Its length.
        first_len: usize,
        /// Second list.
        second: String,
        /// Its length.
        second_len: usize,
    },
    /// A value is NaN or infinite.
    #[error("`{name}` holds {value} at index {index}; drop it or mark it as missing")]
    NotFinite {
        /// Which sample.
        name: String,
        /// Position, from 0.
        index: usize,
        /// The value as text.
        value: String,
    },
    /// Missing values that nobody said how to treat.
    #[error("`{name}` has {count} missing values; drop them or set `nan_policy` to `omit`")]
    Missing {
        /// Which sample.
        name: String,
        /// How many are missing.
        count: usize,
    },
    /// The procedure has no answer for these data.
    #[error("{procedure} is undefined: {reason}")]
    Undefined {
        /// What was asked for.
        procedure: &'static str,
        /// Why it has no answer.
        reason: &'static str,
    },
    /// An option or a count outside its range.
    #[error("`{name}` is {got}; it must be {needed}")]
    OutOfRange {
        /// Which option.
        name: String,
        /// The value given.
        got: String,
        /// The values allowed.
        needed: String,
    },
    /// The exact answer would take too long.
    #[error("{procedure} would take {cost} steps; {instead}")]
    TooLarge {
        /// What was asked for.
        procedure: &'static str,
        /// How much work it is.
        cost: String,
        /// What to ask for instead.
        instead: &'static str,
    },
    /// No parameter value reaches what was asked for.
    #[error("no `{name}` reaches the goal; {hint}")]
    NoSolution {
        /// The unknown that was solved for.
        name: &'static str,
        /// What to change.
        hint: &'static str,
    },
    /// A test of this name does not exist.
    #[error("no test `{name}`; known tests: {known}")]
    UnknownTest {
        /// The name asked for.
        name: String,
        /// All names, comma separated.
        known: String,
    },
    /// The test has no such parameter or input.
    #[error("`{test}` has no {kind} `{name}`; known: {known}")]
    UnknownField {
        /// The test.
        test: String,
        /// `parameter` or `input`.
        kind: &'static str,
        /// The name given.
        name: String,
        /// All names, comma separated.
        known: String,
    },
    /// A parameter or an input has the wrong shape.
    #[error("`{field}` {problem}")]
    Invalid {
        /// The field.
        field: String,
        /// What is wrong and what is expected.
        problem: String,
    },
}

impl StatsError {
    pub(crate) fn undefined(procedure: &'static str, reason: &'static str) -> Self {
        Self::Undefined { procedure, reason }
    }

    pub(crate) fn out_of_range(name: &str, got: impl std::fmt::Display, needed: &str) -> Self {
        Self::OutOfRange { name: name.to_owned(), got: got.to_string(), needed: needed.to_owned() }
    }

    pub(crate) fn invalid(field: &str, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), problem: problem.into() }
    }
}

/// What every procedure here returns.
pub type Result<T, E = StatsError> = std::result::Result<T, E>;
