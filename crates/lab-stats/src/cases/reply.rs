//! Building an answer.

use serde_json::{Map, Value};

use crate::error::{Result, StatsError};
use crate::outcome::{Interval, TestResult};

/// Named numbers.
#[derive(Default)]
pub(super) struct Reply {
    numbers: Map<String, Value>,
    has_nan: bool,
}

impl Reply {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn put(mut self, key: &str, number: f64) -> Self {
        let value = self.number(number);
        self.numbers.insert(key.to_owned(), value);
        self
    }

    pub(super) fn put_some(self, key: &str, number: Option<f64>) -> Self {
        match number {
            Some(number) => self.put(key, number),
            None => self,
        }
    }

    pub(super) fn put_count(mut self, key: &str, count: u64) -> Self {
        self.numbers.insert(key.to_owned(), count.into());
        self
    }

    pub(super) fn put_value(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.numbers.insert(key.to_owned(), value.into());
        self
    }

    pub(super) fn put_list(mut self, key: &str, numbers: impl IntoIterator<Item = Option<f64>>) -> Self {
        let list = numbers.into_iter().map(|number| number.map_or(Value::Null, |number| self.number(number))).collect();
        self.numbers.insert(key.to_owned(), Value::Array(list));
        self
    }

    pub(super) fn put_interval(self, prefix: &str, interval: Interval) -> Self {
        self.put(&format!("{prefix}low"), interval.low).put(&format!("{prefix}high"), interval.high)
    }

    /// `statistic`, `df` and `p_value`.
    pub(super) fn put_test(self, test: &TestResult) -> Self {
        self.put_some("statistic", test.statistic).put_some("df", test.df).put("p_value", test.p_value)
    }

    fn number(&mut self, number: f64) -> Value {
        if number.is_nan() {
            self.has_nan = true;
        }
        if number == f64::INFINITY {
            "Infinity".into()
        } else if number == f64::NEG_INFINITY {
            "-Infinity".into()
        } else {
            number.into()
        }
    }

    /// The last guard: a number that came out as NaN is an error, not an answer.
    pub(super) fn finish(self) -> Result<Map<String, Value>> {
        if self.has_nan {
            return Err(StatsError::undefined("the answer", "a number overflowed; rescale the values"));
        }
        Ok(self.numbers)
    }
}
