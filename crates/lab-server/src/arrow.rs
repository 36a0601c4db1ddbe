//! Points as an Arrow stream, for readers that take columns: NaN and infinities are numbers in it, and nothing is parsed.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use lab_model::{Error, Result};
use lab_tracker::SeriesView;

/// The media type of an Arrow IPC stream.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.apache.arrow.stream";

/// Rows of one record batch: what is encoded ahead of the socket.
const BATCH_ROWS: usize = 1 << 16;

/// Whether the caller asks for it by name. `*/*` does not: JSON is for everybody.
pub(crate) fn is_accepted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|media_type| media_type.trim().eq_ignore_ascii_case(MEDIA_TYPE))
}

/// The points as columns `step`, `value` and `time_micros`. What else the view says stands in the schema's metadata.
///
/// # Errors
/// [`Error::Serialization`], which columns of one length do not meet.
pub(crate) fn reply(view: SeriesView) -> Result<Response> {
    let batch = record_batch(view).map_err(unencodable)?;
    let writer = StreamWriter::try_new(Vec::new(), &batch.schema()).map_err(unencodable)?;
    let parts = stream::try_unfold(Some((writer, 0)), move |state| {
        let part = state.map(|(writer, start)| next_part(writer, &batch, start)).transpose();
        async { part }
    });
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], Body::from_stream(parts)).into_response())
}

fn record_batch(view: SeriesView) -> std::result::Result<RecordBatch, ArrowError> {
    let SeriesView { points, is_sampled, total_points } = view;
    let context = serde_json::to_string(&points.key.context).map_err(|e| ArrowError::ExternalError(e.into()))?;
    let metadata = HashMap::from([
        ("name".to_owned(), points.key.name),
        ("context".to_owned(), context),
        ("is_sampled".to_owned(), is_sampled.to_string()),
        ("total_points".to_owned(), total_points.to_string()),
    ]);
    let fields = vec![
        Field::new("step", DataType::Int64, true),
        Field::new("value", DataType::Float64, false),
        Field::new("time_micros", DataType::Int64, false),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(points.steps)),
        Arc::new(Float64Array::from(points.values)),
        Arc::new(Int64Array::from(points.times_micros)),
    ];
    RecordBatch::try_new(Arc::new(Schema::new_with_metadata(fields, metadata)), columns)
}

/// A writer with the first row that it has not written, until it has written the end.
type State = Option<(StreamWriter<Vec<u8>>, usize)>;

/// The bytes up to the end of the next batch, or of the stream.
fn next_part(
    mut writer: StreamWriter<Vec<u8>>,
    all: &RecordBatch,
    start: usize,
) -> std::result::Result<(Bytes, State), ArrowError> {
    let rows = BATCH_ROWS.min(all.num_rows() - start);
    if rows > 0 {
        writer.write(&all.slice(start, rows))?;
    }
    let end = start + rows;
    let is_last = end == all.num_rows();
    if is_last {
        writer.finish()?;
    }
    let bytes = Bytes::from(std::mem::take(writer.get_mut()));
    Ok((bytes, (!is_last).then_some((writer, end))))
}

fn unencodable(source: ArrowError) -> Error {
    Error::Serialization { what: "an Arrow stream of points".to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Float64Type, Int64Type};
    use arrow_ipc::reader::StreamReader;
    use lab_model::{SeriesKey, SeriesPoints};

    use super::*;

    async fn read(points: SeriesPoints) -> (Schema, Vec<RecordBatch>) {
        let total_points = points.len() as u64;
        let response = reply(SeriesView { points, is_sampled: false, total_points }).unwrap();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let reader = StreamReader::try_new(&bytes[..], None).unwrap();
        (reader.schema().as_ref().clone(), reader.map(|batch| batch.unwrap()).collect())
    }

    #[tokio::test]
    async fn every_point_comes_back_from_a_stream_of_several_batches() {
        let mut points = SeriesPoints::new(SeriesKey::named("loss"));
        points.push(f64::NAN, None, -1);
        for i in 1..BATCH_ROWS as i64 + 5 {
            points.push(i as f64 / 3.0, Some(i * 10), i);
        }
        let (schema, batches) = read(points.clone()).await;
        assert_eq!(schema.metadata()["name"], "loss");
        assert_eq!(batches.len(), 2);
        let mut found = SeriesPoints::new(SeriesKey::named("loss"));
        for batch in &batches {
            let steps = batch.column_by_name("step").unwrap().as_primitive::<Int64Type>();
            let values = batch.column_by_name("value").unwrap().as_primitive::<Float64Type>();
            let times = batch.column_by_name("time_micros").unwrap().as_primitive::<Int64Type>();
            assert_eq!(values.null_count(), 0);
            (0..batch.num_rows()).for_each(|i| {
                found.push(values.value(i), steps.is_valid(i).then(|| steps.value(i)), times.value(i));
            });
        }
        assert!(found.values[0].is_nan());
        (found.values[0], points.values[0]) = (0.0, 0.0);
        assert_eq!(found, points);
    }

    #[tokio::test]
    async fn a_series_without_points_is_a_stream_without_batches() {
        let (schema, batches) = read(SeriesPoints::new(SeriesKey::named("loss"))).await;
        assert_eq!(schema.fields().len(), 3);
        assert!(batches.is_empty());
    }

    #[test]
    fn only_who_names_the_format_gets_it() {
        let accepts = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_str(text).unwrap());
            is_accepted(&headers)
        };
        assert!(accepts("application/vnd.apache.arrow.stream"));
        assert!(accepts("application/json;q=0.5, Application/vnd.apache.arrow.stream;q=1"));
        assert!(!accepts("*/*"));
        assert!(!accepts("application/json"));
        assert!(!is_accepted(&HeaderMap::new()));
    }
}
