//! Events as records.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use lab_model::{
    ArtifactType, Distribution, LoggedValue, Parameters, Record, SeriesPoints, Timestamp, Value as Logged,
};
use prost::Message as _;

use super::super::histogram::of_buckets;
use super::super::source::{Blob, Item, Items, artifact_name, custom, point, text_value, time_of, value};
use super::frames::Frames;
use super::messages::{Event, Histogram, HyperParameters, Tensor, Value};

/// A session that starts at a step undoes what was logged before it from that step on: file, number of the event, step.
pub(super) type Purges = Vec<(usize, u64, i64)>;

/// What is to be known of the files of a run before they are read.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) first_time: Option<f64>,
    pub(super) last_time: Option<f64>,
    pub(super) purges: Purges,
    pub(super) parameters: Parameters,
    pub(super) has_hyper_parameters: bool,
    pub(super) has_failed: bool,
    /// Kinds of data that are not imported, and how many there are.
    pub(super) left_out: BTreeMap<String, u64>,
}

impl Survey {
    pub(super) fn of(files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut survey = Self::default();
        for (number, file) in files.iter().enumerate() {
            let mut plugins = Plugins::default();
            let mut event_number = 0;
            for event in events(file)? {
                survey.add(&event?, (number, event_number), &mut plugins);
                event_number += 1;
            }
            anyhow::ensure!(event_number > 0, "`{}` is no event file, or holds nothing", file.display());
        }
        Ok(survey)
    }

    fn add(&mut self, event: &Event, (file, number): (usize, u64), plugins: &mut Plugins) {
        self.first_time = Some(self.first_time.map_or(event.wall_time, |first| first.min(event.wall_time)));
        self.last_time = Some(self.last_time.map_or(event.wall_time, |last| last.max(event.wall_time)));
        if event.session_log.as_ref().is_some_and(|log| log.status == 1) {
            self.purges.push((file, number, event.step));
        }
        for value in event.summary.iter().flat_map(|summary| &summary.values) {
            let plugin = plugins.of(value);
            if plugin == "hparams" {
                self.add_hyper_parameters(value);
            } else if let Content::Other(what) = Content::of(value, &plugin) {
                *self.left_out.entry(what).or_default() += 1;
            }
        }
    }

    fn add_hyper_parameters(&mut self, value: &Value) {
        let plugin = value.metadata.as_ref().and_then(|metadata| metadata.plugin.as_ref());
        let Some(Ok(told)) = plugin.map(|plugin| HyperParameters::decode(plugin.content.as_slice())) else { return };
        if let Some(start) = &told.start {
            self.has_hyper_parameters = true;
            self.parameters.extend(super::parameters(start));
        }
        self.has_failed |= told.end.is_some_and(|end| end.status == 2);
    }
}

fn events(file: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Event>> + use<>> {
    let shown = file.display().to_string();
    Ok(Frames::open(file)?.map(move |frame| {
        let frame = frame.with_context(|| format!("`{shown}` cannot be read"))?;
        Event::decode(frame.as_slice()).with_context(|| format!("`{shown}` holds something that is no event"))
    }))
}

/// The plugin of each tag, which only the first of its events names.
#[derive(Default)]
struct Plugins(HashMap<String, String>);

impl Plugins {
    fn of(&mut self, value: &Value) -> String {
        let named = value.metadata.as_ref().and_then(|metadata| metadata.plugin.as_ref()).map(|it| &it.name);
        match named.filter(|name| !name.is_empty()) {
            Some(name) => _ = self.0.insert(value.tag.clone(), name.clone()),
            None => return self.0.get(&value.tag).cloned().unwrap_or_default(),
        }
        named.cloned().unwrap_or_default()
    }
}

/// The items of one of a run's files: for each event as many as it holds by itself.
pub(super) fn items(file: &Path, number: usize, purges: Arc<Purges>) -> anyhow::Result<Items> {
    let mut plugins = Plugins::default();
    let items = events(file)?.zip(0..).map(move |(event, at)| {
        let event = event?;
        let is_undone = purges.iter().any(|&(f, e, step)| (number, at) < (f, e) && event.step >= step);
        anyhow::Ok(items_of(&event, &mut plugins, is_undone))
    });
    Ok(Box::new(items.flat_map(|items| match items {
        Ok(items) => items.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    })))
}

fn items_of(event: &Event, plugins: &mut Plugins, is_undone: bool) -> Vec<Item> {
    let (step, at) = (Some(event.step), time_of(event.wall_time));
    let (mut series, mut values, mut blobs) = (Vec::<SeriesPoints>::new(), Vec::<LoggedValue>::new(), Vec::new());
    for it in event.summary.iter().flat_map(|summary| &summary.values) {
        let plugin = plugins.of(it);
        match Content::of(it, &plugin) {
            Content::Scalar(scalar) => series.push(point(&it.tag, scalar, step, at)),
            Content::Value(logged) => {
                let name = it.tag.strip_suffix("/text_summary").unwrap_or(&it.tag);
                values.push(value(name, step, at, logged));
            }
            Content::Image(bytes) => {
                if let Some((blob, logged)) = image(&it.tag, event.step, bytes, at) {
                    blobs.push(blob);
                    values.push(value(&it.tag, step, at, logged));
                }
            }
            Content::Nothing | Content::Other(_) => {}
        }
    }
    let mut items: Vec<Item> = blobs.into_iter().map(Item::Blob).collect();
    if !values.is_empty() {
        items.push(Item::Record(Record::Values { values }));
    }
    if !series.is_empty() {
        items.push(Item::Record(Record::metrics(series)));
    }
    if is_undone {
        // Their places are kept: a purge that comes later must not move what was imported before it.
        items.iter_mut().for_each(|item| *item = Item::Record(Record::metrics(Vec::new())));
    }
    items
}

fn image(tag: &str, step: i64, bytes: &[u8], at: Timestamp) -> Option<(Blob, Logged)> {
    let extension = match bytes {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, ..] => "jpg",
        [b'G', b'I', b'F', ..] => "gif",
        _ => "image",
    };
    let name = artifact_name(&format!("media/{tag}-{step}.{extension}"))?;
    let logged = custom(serde_json::json!({ "type": "image", "artifact": name.as_str() }));
    Some((Blob { name, artifact_type: ArtifactType::Visualization, bytes: bytes.to_vec(), at }, logged))
}

/// What a value holds, as far as it is imported.
enum Content<'a> {
    Scalar(f64),
    Value(Logged),
    Image(&'a [u8]),
    /// Nothing that is to be kept, as an empty histogram.
    Nothing,
    /// Something else, by the name of its plugin.
    Other(String),
}

impl<'a> Content<'a> {
    fn of(value: &'a Value, plugin: &str) -> Self {
        let other = || {
            let name = if plugin.is_empty() { "data of no known kind" } else { plugin };
            Self::Other(name.to_owned())
        };
        if plugin == "hparams" {
            return Self::Nothing;
        }
        if let Some(scalar) = value.simple_value {
            return Self::Scalar(f64::from(scalar));
        }
        if let Some(histogram) = &value.histogram {
            return distribution(histogram).map_or(Self::Nothing, |it| Self::Value(Logged::Distribution(it)));
        }
        if let Some(image) = &value.image {
            return Self::Image(&image.encoded);
        }
        let Some(tensor) = &value.tensor else { return other() };
        match plugin {
            "scalars" => tensor.numbers().first().map_or(Self::Nothing, |scalar| Self::Scalar(*scalar)),
            "histograms" => {
                let rows: Vec<_> = tensor.numbers().chunks_exact(3).map(|row| (row[0], row[1], row[2])).collect();
                of_buckets(&rows, None, None).map_or(Self::Nothing, |it| Self::Value(Logged::Distribution(it)))
            }
            // Width, height, then pictures: the first stands for all.
            "images" => tensor.strings.get(2).map_or(Self::Nothing, |bytes| Self::Image(bytes)),
            "text" => {
                let texts: Vec<_> = tensor.strings.iter().map(|text| String::from_utf8_lossy(text)).collect();
                Self::Value(text_value(&texts.join("\n")))
            }
            _ => other(),
        }
    }
}

fn distribution(histogram: &Histogram) -> Option<Distribution> {
    let mut left = histogram.min;
    let buckets: Vec<_> = histogram
        .limits
        .iter()
        .zip(&histogram.buckets)
        .map(|(&limit, &count)| {
            // The ends are as far out as a float goes; the values are known to lie within these.
            let right = limit.min(histogram.max.max(left));
            let bucket = (left, if limit < histogram.min { histogram.min } else { right }, count);
            left = bucket.1;
            bucket
        })
        .collect();
    of_buckets(&buckets, Some(histogram.sum), Some(histogram.count))
}

impl Tensor {
    /// Its elements as numbers.
    fn numbers(&self) -> Vec<f64> {
        const FLOAT: i32 = 1;
        const DOUBLE: i32 = 2;
        const INT: i32 = 3;
        const LONG: i32 = 9;
        const BFLOAT: i32 = 14;
        const HALF: i32 = 19;
        fn read<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            bytes.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)).collect()
        }
        let bfloat = |bits: u16| f64::from(half::bf16::from_bits(bits));
        let float16 = |bits: u16| f64::from(half::f16::from_bits(bits));
        let halves = |convert: &dyn Fn(u16) -> f64| self.halves.iter().map(|bits| convert(*bits as u16)).collect();
        let is_packed = !self.content.is_empty();
        match self.kind {
            FLOAT if is_packed => read(&self.content, |bytes| f64::from(f32::from_le_bytes(bytes))),
            DOUBLE if is_packed => read(&self.content, f64::from_le_bytes),
            INT if is_packed => read(&self.content, |bytes| f64::from(i32::from_le_bytes(bytes))),
            LONG if is_packed => read(&self.content, |bytes| i64::from_le_bytes(bytes) as f64),
            BFLOAT if is_packed => read(&self.content, |bytes| bfloat(u16::from_le_bytes(bytes))),
            HALF if is_packed => read(&self.content, |bytes| float16(u16::from_le_bytes(bytes))),
            FLOAT => self.floats.iter().map(|it| f64::from(*it)).collect(),
            DOUBLE => self.doubles.clone(),
            INT => self.ints.iter().map(|it| f64::from(*it)).collect(),
            LONG => self.longs.iter().map(|it| *it as f64).collect(),
            BFLOAT => halves(&bfloat),
            HALF => halves(&float16),
            _ => Vec::new(),
        }
    }
}
