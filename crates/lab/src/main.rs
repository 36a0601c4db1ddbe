//! The lab command: experiment tracking from a terminal, and the server.
fn main() {}
