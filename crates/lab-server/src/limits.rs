//! Limits on requests, applied before any work is done for them.

use std::time::Duration;

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes of a JSON body. `LAB_MAX_BODY_BYTES`, default 32 MiB.
    pub max_body_bytes: usize,
    /// Longest time for one request; uploads, downloads and event streams excepted. `LAB_REQUEST_TIMEOUT_SECS`, default 60.
    pub request_timeout: Duration,
    /// Longest silence of an upload before it is given up. `LAB_UPLOAD_STALL_SECS`, default 60.
    pub upload_stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 32 << 20,
            request_timeout: Duration::from_secs(60),
            upload_stall: Duration::from_secs(60),
        }
    }
}
