//! What could not be seen.

use lab_model::NotSeen;

/// Collects what a part could not see.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<NotSeen>);

impl Notes {
    /// Says why the field at a dotted path is absent or incomplete, in one sentence. No measured times and nothing else
    /// that changes by itself, for notes belong to the identity of a snapshot.
    pub(crate) fn add(&mut self, field: &str, reason: impl Into<String>) {
        self.0.push(NotSeen { field: field.to_owned(), reason: reason.into() });
    }

    pub(crate) fn into_vec(self) -> Vec<NotSeen> {
        self.0
    }
}
