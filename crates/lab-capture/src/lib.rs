//! A snapshot of the machine, runtime, dependencies and source code a run depends on.
