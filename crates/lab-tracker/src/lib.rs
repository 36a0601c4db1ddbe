//! The rules of the tracker: validate, decide, commit; compare; read.
