//! Logging from a training process: spool, shipper and the Run handle.
