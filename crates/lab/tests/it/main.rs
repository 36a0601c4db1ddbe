//! The program from outside: commands, the server, and what happens when either is killed.

mod commands;
mod faults;
mod harness;
mod http;
mod stream;
