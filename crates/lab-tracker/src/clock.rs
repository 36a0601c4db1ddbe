//! The one place that reads the clock, and a clock for tests that stands still.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use lab_model::Timestamp;

/// Tells the time, in whole microseconds: what stores keep.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Fixed(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that stands still until it is moved. Its clones move with it.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self(Kind::Fixed(Arc::new(Mutex::new(at))))
    }

    /// Moves a fixed clock. The machine's own cannot be moved.
    pub fn advance(&self, by: SignedDuration) {
        if let Kind::Fixed(time) = &self.0 {
            let mut time = time.lock().unwrap_or_else(PoisonError::into_inner);
            *time = time.saturating_add(by).unwrap_or(*time);
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Kind::System =>
            {
                #[expect(clippy::disallowed_methods, reason = "this is the clock")]
                Timestamp::now()
            }
            Kind::Fixed(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}
