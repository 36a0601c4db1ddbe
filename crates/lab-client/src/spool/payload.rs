//! What a frame holds: a record as JSON, or the numbers of one step.

use std::collections::HashMap;

use lab_model::{Context, Error, Record, Result, SeriesKey, SeriesPoints, Validate as _};

/// Type of a payload that is a record as JSON.
const RECORD: u8 = 0;
/// Type of a payload that is the numbers of one step: step (i64), time in microseconds (i64), then of each number the value
/// (f64), its name, how many pairs its context has (u8), and those; texts follow their length (u16). All little-endian.
const STEP: u8 = 1;
/// Deepest nesting of a record: reading has a limit, and one that cannot be read would hold up all that follow it.
const MAX_DEPTH: usize = 100;

/// Appends a record.
pub(super) fn write_record(record: &Record, payload: &mut Vec<u8>) -> Result<()> {
    payload.push(RECORD);
    let start = payload.len();
    serde_json::to_writer(&mut *payload, record)
        .map_err(|e| Error::Serialization { what: "a record".to_owned(), source: e.into() })?;
    if depth(&payload[start..]) > MAX_DEPTH {
        return Err(Error::invalid("record", format!("has more than {MAX_DEPTH} lists and maps inside one another")));
    }
    Ok(())
}

/// Appends the numbers of one step, each name checked.
pub(super) fn write_step(
    step: i64,
    time_micros: i64,
    values: impl IntoIterator<Item = (SeriesKey, f64)>,
    payload: &mut Vec<u8>,
) -> Result<()> {
    payload.push(STEP);
    payload.extend_from_slice(&step.to_le_bytes());
    payload.extend_from_slice(&time_micros.to_le_bytes());
    for (key, value) in values {
        key.validate()?;
        payload.extend_from_slice(&value.to_le_bytes());
        write_text(&key.name, payload);
        // Limits of a key keep this and the lengths of texts within their fields.
        payload.push(key.context.len() as u8);
        for (name, text) in &key.context {
            write_text(name, payload);
            write_text(text, payload);
        }
    }
    Ok(())
}

fn write_text(text: &str, payload: &mut Vec<u8>) {
    payload.extend_from_slice(&(text.len() as u16).to_le_bytes());
    payload.extend_from_slice(text.as_bytes());
}

/// Records that are read one after another, the numbers of steps joined by series: a column is made, stored and sent for a
/// fraction of what its points cost by themselves.
#[derive(Debug, Default)]
pub(super) struct Joined {
    records: Vec<Record>,
    /// Where each series is in the last record, if that is of steps.
    places: HashMap<SeriesKey, usize>,
    /// Points of the last record.
    points: usize,
}

impl Joined {
    /// Adds the record that a payload holds. Steps are joined up to so many points.
    pub(super) fn add(
        &mut self,
        payload: &[u8],
        most_points: usize,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match payload.split_first() {
            Some((&RECORD, json)) => {
                self.records.push(serde_json::from_slice(json)?);
                self.points = usize::MAX;
                Ok(())
            }
            Some((&STEP, bytes)) => {
                if self.records.is_empty() || self.points >= most_points {
                    self.records.push(Record::Metrics { series: Vec::new(), records: 0 });
                    self.places.clear();
                    self.points = 0;
                }
                self.add_step(bytes).ok_or_else(|| "the numbers of a step are cut off".into())
            }
            _ => Err("its type is not known: it may be of a newer version".into()),
        }
    }

    /// What was read.
    pub(super) fn into_records(self) -> Vec<Record> {
        self.records
    }

    fn add_step(&mut self, mut bytes: &[u8]) -> Option<()> {
        let Some(Record::Metrics { series, records }) = self.records.last_mut() else { return None };
        *records += 1;
        let step = i64::from_le_bytes(take(&mut bytes)?);
        let time_micros = i64::from_le_bytes(take(&mut bytes)?);
        for index in 0.. {
            if bytes.is_empty() {
                break;
            }
            let value = f64::from_le_bytes(take(&mut bytes)?);
            let name = read_text(&mut bytes)?;
            let [pairs] = take(&mut bytes)?;
            self.points += 1;
            // Most steps have the same series in the same order.
            let place = match series.get(index) {
                Some(there) if pairs == 0 && *there.key.name == *name && there.key.context.is_empty() => index,
                _ => {
                    let pair = |bytes: &mut &[u8]| Some((read_text(bytes)?.to_owned(), read_text(bytes)?.to_owned()));
                    let context = (0..pairs).map(|_| pair(&mut bytes)).collect::<Option<Context>>()?;
                    let key = SeriesKey { name: name.into(), context };
                    *self.places.entry(key).or_insert_with_key(|key| {
                        series.push(SeriesPoints::new(key.clone()));
                        series.len() - 1
                    })
                }
            };
            series[place].push(value, Some(step), time_micros);
        }
        Some(())
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn read_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::from(u16::from_le_bytes(take(bytes)?));
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

/// How many lists and maps of a JSON text are inside one another.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    fn read(payload: &[u8]) -> Result<Record, Box<dyn std::error::Error + Send + Sync>> {
        let mut joined = Joined::default();
        joined.add(payload, 1)?;
        Ok(joined.into_records().remove(0))
    }

    proptest! {
        #[test]
        fn a_step_reads_back_as_it_was(
            step: i64,
            time_micros in 0i64..4_000_000_000_000_000,
            values in vec(("[a-zé/]{1,20}", btree_map("[a-z]{1,5}", "[^\\x00-\\x1f]{0,20}", 0..3), any::<u64>()), 0..8),
        ) {
            let values: Vec<(SeriesKey, f64)> = values
                .into_iter()
                .map(|(name, context, bits)| (SeriesKey { name, context }, f64::from_bits(bits)))
                .collect();
            let mut payload = Vec::new();
            write_step(step, time_micros, values.clone(), &mut payload).unwrap();
            let Record::Metrics { series, .. } = read(&payload).unwrap() else { panic!() };
            prop_assert_eq!(bits(&series), expected(&values, step, time_micros));
            for cut in 0..payload.len() {
                // Shorter ones are errors or have fewer numbers, and never others.
                if let Ok(Record::Metrics { series: fewer, .. }) = read(&payload[..cut]) {
                    let count = fewer.iter().map(SeriesPoints::len).sum::<usize>();
                    prop_assert!(count < values.len());
                    prop_assert_eq!(bits(&fewer), expected(&values[..count], step, time_micros));
                }
            }
        }
    }

    /// Of each series its points, by their bits.
    type Bits = Vec<(SeriesKey, Vec<(u64, Option<i64>, i64)>)>;

    fn bits(series: &[SeriesPoints]) -> Bits {
        let points = |points: &SeriesPoints| points.iter().map(|(v, step, time)| (v.to_bits(), step, time)).collect();
        series.iter().map(|all| (all.key.clone(), points(all))).collect()
    }

    fn expected(values: &[(SeriesKey, f64)], step: i64, time_micros: i64) -> Bits {
        let mut expected = Bits::new();
        for (key, value) in values {
            let point = (value.to_bits(), Some(step), time_micros);
            match expected.iter_mut().find(|(there, _)| there == key) {
                Some((_, points)) => points.push(point),
                None => expected.push((key.clone(), vec![point])),
            }
        }
        expected
    }

    #[test]
    fn steps_are_joined_by_series_up_to_a_limit_and_to_another_kind_of_record() {
        let mut joined = Joined::default();
        let mut add = |payload: &[u8]| joined.add(payload, 5).unwrap();
        let step = |step: i64, names: &[&str]| {
            let mut payload = Vec::new();
            write_step(step, 0, names.iter().map(|name| (SeriesKey::named(*name), step as f64)), &mut payload).unwrap();
            payload
        };
        let mut beat = Vec::new();
        write_record(&Record::Heartbeat { at: lab_model::Timestamp::UNIX_EPOCH }, &mut beat).unwrap();
        add(&step(1, &["a", "b"]));
        add(&step(2, &["b", "a"]));
        add(&step(3, &["c"]));
        add(&step(4, &["a"]));
        add(&beat);
        add(&step(5, &["b", "c"]));
        let steps = |record: &Record| match record {
            Record::Metrics { series, records } => {
                let steps =
                    |points: &SeriesPoints| points.steps.iter().flatten().map(i64::to_string).collect::<String>();
                format!("{records}: {}", series.iter().map(|s| format!("{}{} ", s.key, steps(s))).collect::<String>())
            }
            _ => "other".to_owned(),
        };
        let read: Vec<String> = joined.into_records().iter().map(steps).collect();
        assert_eq!(read, ["3: a12 b12 c3 ", "1: a4 ", "other", "1: b5 c5 "]);
    }

    #[test]
    fn what_cannot_be_read_back_is_refused() {
        let nested = |levels: usize| {
            let value = (0..levels).fold(serde_json::json!("[{\"\\\""), |inner, _| serde_json::json!([inner]));
            let metadata = lab_model::Metadata::from_iter([("deep".to_owned(), value)]);
            let mut payload = Vec::new();
            let record = Record::UseDataset { dataset: "d".to_owned(), metadata };
            write_record(&record, &mut payload).map(|()| read(&payload).unwrap() == record)
        };
        assert!(nested(90).unwrap());
        assert!(nested(99).is_err());
    }
}
