//! Reading fields, and the names by which people know them.

use super::reader::{is_bare, is_word};
use super::suggest::nearest;
use super::{Parser, Result};
use crate::{Field, Statistic};

static FIELDS: [(&str, Field); 14] = [
    ("id", Field::Id),
    ("name", Field::Name),
    ("status", Field::Status),
    ("experiment_id", Field::ExperimentId),
    ("number", Field::Number),
    ("owner", Field::Owner),
    ("created_by", Field::Owner),
    ("parent_run_id", Field::ParentRunId),
    ("created_at", Field::CreatedAt),
    ("updated_at", Field::UpdatedAt),
    ("started_at", Field::StartedAt),
    ("ended_at", Field::EndedAt),
    ("duration_secs", Field::DurationSecs),
    ("duration", Field::DurationSecs),
];

/// What stands before the dot, and the field that the name after it makes.
type Family = (&'static str, fn(String) -> Field);

const FAMILIES: [Family; 9] = [
    ("params", Field::Parameter),
    ("param", Field::Parameter),
    ("parameters", Field::Parameter),
    ("parameter", Field::Parameter),
    ("config", Field::Parameter),
    ("metrics", |name| Field::Metric(name, Statistic::Last)),
    ("metric", |name| Field::Metric(name, Statistic::Last)),
    ("tags", Field::Tag),
    ("tag", Field::Tag),
];

const STATISTICS: [Statistic; 4] = [Statistic::Last, Statistic::Min, Statistic::Max, Statistic::Mean];

impl Parser<'_> {
    pub(super) fn field(&mut self) -> Result<Field> {
        self.skip_space();
        let start = self.at;
        let word = self.take_while(is_word);
        if !self.sign("(") {
            self.at = start;
            return self.plain_field();
        }
        let Some(statistic) = STATISTICS.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(word)) else {
            self.at = start;
            return Err(self.expected("a field is expected, as `status` or `min(metrics.loss)`"));
        };
        self.skip_space();
        let inner = self.at;
        let Field::Metric(name, _) = self.plain_field()? else {
            self.at = inner;
            return Err(self.expected("a metric is expected, as `metrics.loss`"));
        };
        self.require_sign(")", "`)` is expected")?;
        Ok(Field::Metric(name, statistic))
    }

    fn plain_field(&mut self) -> Result<Field> {
        self.skip_space();
        let start = self.at;
        let word = self.take_while(is_word);
        if let Some((_, field)) = FIELDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
            return Ok(field.clone());
        }
        if let Some((_, make)) = FAMILIES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
            if !self.rest().starts_with('.') {
                let expected = format!("a dot and a name are expected after it, as `{word}.loss`");
                self.at = start;
                return Err(self.expected(&expected));
            }
            self.at += 1;
            return self.name().map(make);
        }
        self.at = start;
        let whole = self.take_while(is_bare);
        self.at = start;
        if word.is_empty() {
            return Err(self.expected("a field is expected, as `status`, `metrics.loss` or `tags.team`"));
        }
        let known = FIELDS.iter().map(|(name, _)| *name).chain(FAMILIES.iter().map(|(name, _)| *name));
        let hint = match nearest(word, known) {
            Some(near) => format!("did you mean `{near}{}`?", &whole[word.len()..]),
            None => format!("a metric is written `metrics.{whole}`, a parameter `params.{whole}`"),
        };
        Err(self.error(start, format!("has no field `{whole}`; {hint}")))
    }

    fn name(&mut self) -> Result<String> {
        if let Some(quote @ ('`' | '"')) = self.rest().chars().next() {
            return self.quoted(quote);
        }
        let name = self.take_while(is_bare);
        if name.is_empty() {
            return Err(self.expected("a name is expected, in backticks if it has other signs than _ . / -"));
        }
        Ok(name.to_owned())
    }
}
