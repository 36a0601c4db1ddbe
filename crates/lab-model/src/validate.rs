//! Checks shared by every entity.

use crate::{Error, Result};

/// A value that can be wrong although it parsed.
pub trait Validate {
    /// Refuses the value with [`Error::Invalid`] naming the path of the first field at fault, relative to `self`.
    fn validate(&self) -> Result<()>;
}

impl<T: Validate> Validate for Option<T> {
    fn validate(&self) -> Result<()> {
        self.as_ref().map_or(Ok(()), T::validate)
    }
}

impl<T: Validate> Validate for [T] {
    fn validate(&self) -> Result<()> {
        self.iter().enumerate().try_for_each(|(i, item)| item.validate().map_err(|e| e.within(&format!("[{i}]"))))
    }
}

/// A name shown to people: 1 to `max` characters, not only white space, without control characters.
pub fn check_name(field: &str, name: &str, max: usize) -> Result<()> {
    let count = name.chars().count();
    if name.trim().is_empty() {
        return Err(Error::invalid(field, "is empty"));
    }
    if count > max {
        return Err(Error::invalid(field, format!("has {count} characters; at most {max} are allowed")));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::invalid(field, "contains a control character"));
    }
    Ok(())
}

/// A number for which `holds` must be true; `needs` completes "must be …".
pub fn check_range(field: &str, value: f64, needs: &str, holds: impl Fn(f64) -> bool) -> Result<()> {
    if value.is_finite() && holds(value) {
        Ok(())
    } else {
        Err(Error::invalid(field, format!("is {value}; it must be {needs}")))
    }
}
