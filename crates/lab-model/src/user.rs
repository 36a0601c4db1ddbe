//! People and service accounts.

use serde::{Deserialize, Serialize};

use crate::{Result, Timestamp, UserId, Validate, check_name};

/// Somebody who owns experiments or starts runs.
///
/// On a laptop this is the login name; it is made the first time the name is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// Login name, 1–256 characters; unique in a store.
    pub name: String,
    /// When the name was first seen.
    pub created_at: Timestamp,
}

impl Validate for User {
    fn validate(&self) -> Result<()> {
        check_name("name", &self.name, 256)
    }
}
