//! Semantic versions, by the rules of SemVer 2.0.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use semver::{BuildMetadata, Prerelease, Version};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Major, minor, patch, pre-release and build metadata.
///
/// Equality and order are SemVer's precedence: build metadata is kept and shown, and does not count.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SemanticVersion(Version);

impl SemanticVersion {
    /// A release without pre-release and build parts.
    #[must_use]
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(Version::new(major, minor, patch))
    }

    /// First number: breaking changes.
    #[must_use]
    pub const fn major(&self) -> u64 {
        self.0.major
    }

    /// Second number: additions.
    #[must_use]
    pub const fn minor(&self) -> u64 {
        self.0.minor
    }

    /// Third number: corrections.
    #[must_use]
    pub const fn patch(&self) -> u64 {
        self.0.patch
    }

    /// Pre-release part without its hyphen; empty for a release.
    #[must_use]
    pub fn pre_release(&self) -> &str {
        &self.0.pre
    }

    /// Build metadata without its plus sign; empty where there is none.
    #[must_use]
    pub fn build_metadata(&self) -> &str {
        &self.0.build
    }

    /// Whether what was made for `other` works with this version as far as the numbers promise: the same major version,
    /// and below 1.0 the same minor version too.
    #[must_use]
    pub const fn is_compatible_with(&self, other: &Self) -> bool {
        self.0.major == other.0.major && (self.0.major > 0 || self.0.minor == other.0.minor)
    }

    /// The release after this with a new patch number. A pre-release becomes its own release.
    #[must_use]
    pub fn next_patch(&self) -> Self {
        let bump = u64::from(self.0.pre.is_empty());
        Self::new(self.0.major, self.0.minor, self.0.patch + bump)
    }

    /// The next release with a new minor number.
    #[must_use]
    pub const fn next_minor(&self) -> Self {
        Self::new(self.0.major, self.0.minor + 1, 0)
    }

    /// The next release with a new major number.
    #[must_use]
    pub const fn next_major(&self) -> Self {
        Self::new(self.0.major + 1, 0, 0)
    }

    /// The same numbers with a pre-release part, as `rc.1`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `text` is not dot-separated identifiers.
    pub fn with_pre_release(mut self, text: &str) -> Result<Self, Error> {
        self.0.pre = Prerelease::new(text).map_err(|e| Error::invalid("pre_release", e.to_string()))?;
        Ok(self)
    }

    /// The same version with build metadata, as `sha.5114f85`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `text` is not dot-separated identifiers.
    pub fn with_build_metadata(mut self, text: &str) -> Result<Self, Error> {
        self.0.build = BuildMetadata::new(text).map_err(|e| Error::invalid("build_metadata", e.to_string()))?;
        Ok(self)
    }
}

impl Ord for SemanticVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }
}

impl PartialOrd for SemanticVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SemanticVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SemanticVersion {}

impl fmt::Display for SemanticVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SemanticVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Version::parse(text).map(Self).map_err(|e| Error::invalid("version", format!("is not a semantic version: {e}")))
    }
}

impl From<SemanticVersion> for String {
    fn from(version: SemanticVersion) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for SemanticVersion {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> SemanticVersion {
        text.parse().unwrap()
    }

    #[test]
    fn precedence_is_the_one_of_the_specification() {
        let rising = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "2.0.0",
            "2.1.0",
            "2.1.1",
        ];
        assert!(rising.map(v).is_sorted_by(|a, b| a < b));
        assert_eq!(v("1.0.0+linux"), v("1.0.0+mac"));
        assert_eq!(v("1.0.0+linux").to_string(), "1.0.0+linux");
    }

    #[test]
    fn compatibility_follows_the_first_number_that_is_not_zero_of_major_and_minor() {
        assert!(v("1.9.0").is_compatible_with(&v("1.0.3")));
        assert!(!v("2.0.0").is_compatible_with(&v("1.0.0")));
        assert!(v("0.3.1").is_compatible_with(&v("0.3.0")));
        assert!(!v("0.4.0").is_compatible_with(&v("0.3.0")));
    }

    #[test]
    fn increments_reset_what_is_below() {
        assert_eq!(v("1.2.3").next_patch().to_string(), "1.2.4");
        assert_eq!(v("1.2.3-rc.1").next_patch().to_string(), "1.2.3");
        assert_eq!(v("1.2.3+x").next_minor().to_string(), "1.3.0");
        assert_eq!(v("1.2.3").next_major().to_string(), "2.0.0");
    }

    #[test]
    fn what_is_not_semver_is_refused() {
        for bad in ["1", "1.2", "01.2.3", "1.2.3-", "1.2.3-01", "v1.2.3", ""] {
            assert!(bad.parse::<SemanticVersion>().is_err(), "{bad}");
        }
    }
}
