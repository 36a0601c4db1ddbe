//! What a frame holds: a record as JSON, or the numbers of one step.

use lab_model::{Context, Error, MetricName, Record, Result, SeriesKey, SeriesPoints, Validate as _};

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

/// The record that a payload holds.
pub(super) fn read(payload: &[u8]) -> Result<Record, Box<dyn std::error::Error + Send + Sync>> {
    match payload.split_first() {
        Some((&RECORD, json)) => Ok(serde_json::from_slice(json)?),
        Some((&STEP, bytes)) => read_step(bytes).ok_or_else(|| "the numbers of a step are cut off".into()),
        _ => Err("its type is not known: it may be of a newer version".into()),
    }
}

fn read_step(mut bytes: &[u8]) -> Option<Record> {
    let step = i64::from_le_bytes(take(&mut bytes)?);
    let time_micros = i64::from_le_bytes(take(&mut bytes)?);
    let mut series = Vec::new();
    while !bytes.is_empty() {
        let value = f64::from_le_bytes(take(&mut bytes)?);
        let name = MetricName::from(read_text(&mut bytes)?);
        let [pairs] = take(&mut bytes)?;
        let pair = |bytes: &mut &[u8]| Some((read_text(bytes)?.to_owned(), read_text(bytes)?.to_owned()));
        let context = (0..pairs).map(|_| pair(&mut bytes)).collect::<Option<Context>>()?;
        let mut points = SeriesPoints::new(SeriesKey { name, context });
        points.push(value, Some(step), time_micros);
        series.push(points);
    }
    Some(Record::metrics(series))
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
            prop_assert_eq!(series.len(), values.len());
            for (points, (key, value)) in series.iter().zip(&values) {
                prop_assert_eq!(&points.key, key);
                prop_assert_eq!(points.values[0].to_bits(), value.to_bits());
                prop_assert_eq!((points.steps[0], points.times_micros[0]), (Some(step), time_micros));
            }
            for cut in 0..payload.len() {
                // Shorter ones are errors or have fewer numbers, and never others.
                if let Ok(Record::Metrics { series: fewer, .. }) = read(&payload[..cut]) {
                    prop_assert!(fewer.iter().zip(&series).all(|(a, b)| a.key == b.key));
                    prop_assert!(fewer.len() < series.len());
                }
            }
        }
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
