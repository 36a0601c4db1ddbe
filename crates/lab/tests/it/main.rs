//! The program from outside: commands, the server, and what happens when either is killed.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod backup;
mod commands;
mod compare;
mod faults;
mod harness;
mod http;
mod import;
mod stream;
mod wrap;
