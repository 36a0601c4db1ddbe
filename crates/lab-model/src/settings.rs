//! Settings of a workspace: what `.lab/config.toml` and the `LAB_*` variables say.
//!
//! One struct serves the client, the command line and the server, so that a name means the same everywhere. Precedence is
//! flag, then variable, then file, then default; the reader of files and variables lives with the client.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Validate, check_range};

/// Whether and how hard artifacts are compressed. Chunks that do not shrink are stored as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Compression {
    /// Store every chunk as it is.
    Off,
    /// Zstandard at this level, 1 to 19.
    Zstd(u8),
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd(3)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            None if text == "off" => Ok(Self::Off),
            None if text == "zstd" => Ok(Self::default()),
            Some(("zstd", level)) => level
                .parse()
                .ok()
                .filter(|level| (1..=19).contains(level))
                .map(Self::Zstd)
                .ok_or_else(|| Error::invalid("compression", "must have a zstd level from 1 to 19")),
            _ => Err(Error::invalid("compression", "must be `off`, `zstd` or `zstd:LEVEL`")),
        }
    }
}

impl From<Compression> for String {
    fn from(compression: Compression) -> Self {
        compression.to_string()
    }
}

impl TryFrom<String> for Compression {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// What can be set, with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Base URL of the server that clients deliver to; the store in `.lab/` where absent. `LAB_SERVER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whether clients capture the environment a run runs in. `LAB_CAPTURE_ENVIRONMENT`, default true.
    pub capture_environment: bool,
    /// Seconds between two looks of a run at how much of its machine is in use; 0 for none.
    /// `LAB_SYSTEM_METRICS_INTERVAL_SECS`, default 10.
    pub system_metrics_interval_secs: u64,
    /// Longest time in seconds that a logged record waits before it is flushed to disk and sent.
    /// `LAB_CHECKPOINT_INTERVAL_SECS`, default 1.
    pub checkpoint_interval_secs: f64,
    /// Most points that a client gathers into one batch. `LAB_METRIC_BUFFER_SIZE`, default 10,000.
    pub metric_buffer_size: u32,
    /// Most bytes of one artifact. `LAB_ARTIFACT_LIMIT_BYTES`, default 10 GiB.
    pub artifact_limit_bytes: u64,
    /// How artifacts are compressed. `LAB_COMPRESSION`, default `zstd:3`.
    pub compression: Compression,
    /// Seconds without a sign of life after which a running run counts as failed. `LAB_HEARTBEAT_TIMEOUT_SECS`,
    /// default 300.
    pub heartbeat_timeout_secs: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: None,
            capture_environment: true,
            system_metrics_interval_secs: 10,
            checkpoint_interval_secs: 1.0,
            metric_buffer_size: 50_000,
            artifact_limit_bytes: 10 << 30,
            compression: Compression::default(),
            heartbeat_timeout_secs: 300,
        }
    }
}

impl Settings {
    /// These settings with those `LAB_*` variables applied that `variable` knows.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the variable.
    pub fn with_variables(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        fn set<T: FromStr>(slot: &mut T, name: &str, text: Option<String>, expected: &str) -> Result<()> {
            if let Some(text) = text {
                *slot =
                    text.parse().map_err(|_| Error::invalid(name, format!("is `{text}`; it must be {expected}")))?;
            }
            Ok(())
        }
        if let Some(server) = variable("LAB_SERVER") {
            self.server = Some(server).filter(|url| !url.is_empty());
        }
        let read = |name: &'static str| variable(name);
        set(
            &mut self.capture_environment,
            "LAB_CAPTURE_ENVIRONMENT",
            read("LAB_CAPTURE_ENVIRONMENT"),
            "true or false",
        )?;
        set(
            &mut self.system_metrics_interval_secs,
            "LAB_SYSTEM_METRICS_INTERVAL_SECS",
            read("LAB_SYSTEM_METRICS_INTERVAL_SECS"),
            "a whole number of seconds",
        )?;
        set(
            &mut self.checkpoint_interval_secs,
            "LAB_CHECKPOINT_INTERVAL_SECS",
            read("LAB_CHECKPOINT_INTERVAL_SECS"),
            "a number of seconds",
        )?;
        set(&mut self.metric_buffer_size, "LAB_METRIC_BUFFER_SIZE", read("LAB_METRIC_BUFFER_SIZE"), "a whole number")?;
        set(
            &mut self.artifact_limit_bytes,
            "LAB_ARTIFACT_LIMIT_BYTES",
            read("LAB_ARTIFACT_LIMIT_BYTES"),
            "a number of bytes",
        )?;
        set(&mut self.compression, "LAB_COMPRESSION", read("LAB_COMPRESSION"), "`off`, `zstd` or `zstd:LEVEL`")?;
        set(
            &mut self.heartbeat_timeout_secs,
            "LAB_HEARTBEAT_TIMEOUT_SECS",
            read("LAB_HEARTBEAT_TIMEOUT_SECS"),
            "a whole number of seconds",
        )?;
        self.validate()?;
        Ok(self)
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<()> {
        if let Some(server) = &self.server
            && !(server.starts_with("http://") || server.starts_with("https://"))
        {
            return Err(Error::invalid("server", "must begin with http:// or https://"));
        }
        check_range("checkpoint_interval_secs", self.checkpoint_interval_secs, "from 0.01 to 3600", |secs| {
            (0.01..=3600.0).contains(&secs)
        })?;
        if self.metric_buffer_size == 0 || self.metric_buffer_size > 100_000 {
            return Err(Error::invalid("metric_buffer_size", "must be from 1 to 100,000"));
        }
        if self.heartbeat_timeout_secs < 10 {
            return Err(Error::invalid("heartbeat_timeout_secs", "must be at least 10"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_win_and_a_bad_one_is_named() {
        let one = |name: &'static str, value: &'static str| move |n: &str| (n == name).then(|| value.to_owned());
        let settings = Settings::default().with_variables(one("LAB_COMPRESSION", "off")).unwrap();
        assert_eq!(settings.compression, Compression::Off);
        let error = Settings::default().with_variables(one("LAB_METRIC_BUFFER_SIZE", "many")).unwrap_err();
        assert_eq!(error.to_string(), "`LAB_METRIC_BUFFER_SIZE` is `many`; it must be a whole number");
    }
}
