//! A comparison as tests, in the XML that build servers read.

use std::fmt::Write as _;

use lab_tracker::compare::{Comparison, Verdict};

use super::checks::{Check, Failure, metrics};

/// One test for each metric and group; a failed check fails it, and too few runs skip it. Thresholds are tests of their own.
pub(super) fn report(comparison: &Comparison, failures: &[Failure]) -> String {
    let mut cases = String::new();
    let (mut tests, mut skipped) = (0, 0);
    for metric in metrics(comparison) {
        for pair in &metric.pairs {
            tests += 1;
            let failure = failures.iter().find(|failure| {
                failure.check != Check::Critical && failure.metric == metric.name && failure.group == pair.label
            });
            open(&mut cases, &metric.name, &pair.label);
            match failure {
                Some(failure) => fail(&mut cases, failure),
                None if pair.verdict == Verdict::TooFewSamples => {
                    skipped += 1;
                    writeln!(cases, "      <skipped message=\"{}\"/>", escaped(&pair.sentence)).ok();
                }
                None => {
                    writeln!(cases, "      <system-out>{}</system-out>", escaped(&pair.sentence)).unwrap_or_default()
                }
            }
            cases += "    </testcase>\n";
        }
    }
    for failure in failures.iter().filter(|failure| failure.check == Check::Critical) {
        tests += 1;
        open(&mut cases, &failure.metric, &format!("threshold, {}", failure.group));
        fail(&mut cases, failure);
        cases += "    </testcase>\n";
    }
    let failed = failures.len();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{tests}\" failures=\"{failed}\">\n  \
         <testsuite name=\"lab compare against {}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" \
         skipped=\"{skipped}\">\n{cases}  </testsuite>\n</testsuites>\n",
        escaped(&comparison.baseline)
    )
}

fn open(cases: &mut String, metric: &str, group: &str) {
    writeln!(cases, "    <testcase classname=\"{}\" name=\"{}\">", escaped(metric), escaped(group)).ok();
}

fn fail(cases: &mut String, failure: &Failure) {
    let kind = match failure.check {
        Check::Regression => "regression",
        Check::Critical => "critical",
        Check::TooFew => "too_few",
    };
    writeln!(cases, "      <failure type=\"{kind}\" message=\"{}\"/>", escaped(&failure.sentence)).ok();
}

/// Text for an attribute or an element; characters that XML forbids are replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&apos;",
            '\n' | '\r' | '\t' => safe.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push(char::REPLACEMENT_CHARACTER),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_cannot_leave_their_attribute() {
        assert_eq!(escaped("a\"><b>&'\u{1}"), "a&quot;&gt;&lt;b&gt;&amp;&apos;\u{fffd}");
    }
}
