//! Storage: the traits, their SQLite back end, content-addressed artifacts and the conformance suite.
