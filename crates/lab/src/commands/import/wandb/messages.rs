//! The parts of W&B's protobuf messages that are read. Their numbers are theirs and never change.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Record {
    #[prost(message, optional, tag = "2")]
    pub(super) history: Option<History>,
    #[prost(message, optional, tag = "3")]
    pub(super) summary: Option<Changes>,
    #[prost(message, optional, tag = "4")]
    pub(super) output: Option<Output>,
    #[prost(message, optional, tag = "5")]
    pub(super) config: Option<Changes>,
    #[prost(message, optional, tag = "7")]
    pub(super) stats: Option<Stats>,
    #[prost(message, optional, tag = "8")]
    pub(super) artifact: Option<Artifact>,
    #[prost(message, optional, tag = "10")]
    pub(super) alert: Option<Alert>,
    #[prost(message, optional, tag = "13")]
    pub(super) output_raw: Option<Output>,
    #[prost(message, optional, tag = "17")]
    pub(super) run: Option<Run>,
    #[prost(message, optional, tag = "18")]
    pub(super) exit: Option<Exit>,
    #[prost(message, optional, tag = "25")]
    pub(super) use_artifact: Option<UseArtifact>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Run {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "3")]
    pub(super) project: String,
    #[prost(message, optional, tag = "4")]
    pub(super) config: Option<Changes>,
    #[prost(string, tag = "6")]
    pub(super) group: String,
    #[prost(string, tag = "7")]
    pub(super) job_type: String,
    #[prost(string, tag = "8")]
    pub(super) display_name: String,
    #[prost(string, tag = "9")]
    pub(super) notes: String,
    #[prost(string, repeated, tag = "10")]
    pub(super) tags: Vec<String>,
    #[prost(string, tag = "12")]
    pub(super) sweep: String,
    #[prost(string, tag = "13")]
    pub(super) host: String,
    #[prost(message, optional, tag = "17")]
    pub(super) start_time: Option<Time>,
    #[prost(message, optional, tag = "21")]
    pub(super) git: Option<Git>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Git {
    #[prost(string, tag = "1")]
    pub(super) remote: String,
    #[prost(string, tag = "2")]
    pub(super) commit: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Time {
    #[prost(int64, tag = "1")]
    pub(super) secs: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl Time {
    pub(super) fn as_secs(&self) -> f64 {
        self.secs as f64 + f64::from(self.nanos) / 1e9
    }
}

/// Of a config or a summary.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Changes {
    #[prost(message, repeated, tag = "1")]
    pub(super) update: Vec<Entry>,
    #[prost(message, repeated, tag = "2")]
    pub(super) remove: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) nested_key: Vec<String>,
    #[prost(string, tag = "16")]
    pub(super) json: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct History {
    #[prost(message, repeated, tag = "1")]
    pub(super) items: Vec<HistoryItem>,
    #[prost(message, optional, tag = "2")]
    pub(super) step: Option<Step>,
}

/// The value is JSON, or since 2026 may be of a type of its own.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HistoryItem {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) nested_key: Vec<String>,
    #[prost(bool, optional, tag = "4")]
    pub(super) boolean: Option<bool>,
    #[prost(sint64, optional, tag = "5")]
    pub(super) integer: Option<i64>,
    #[prost(double, optional, tag = "6")]
    pub(super) number: Option<f64>,
    #[prost(string, optional, tag = "7")]
    pub(super) text: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub(super) typed_json: Option<String>,
    #[prost(string, tag = "16")]
    pub(super) json: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Step {
    #[prost(int64, tag = "1")]
    pub(super) number: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Output {
    /// 0 is stderr, 1 stdout.
    #[prost(int32, tag = "1")]
    pub(super) stream: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) time: Option<Time>,
    #[prost(string, tag = "3")]
    pub(super) text: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Stats {
    #[prost(message, optional, tag = "2")]
    pub(super) time: Option<Time>,
    #[prost(message, repeated, tag = "3")]
    pub(super) items: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Artifact {
    #[prost(string, tag = "4")]
    pub(super) kind: String,
    #[prost(string, tag = "5")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UseArtifact {
    #[prost(string, tag = "2")]
    pub(super) kind: String,
    #[prost(string, tag = "3")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Alert {
    #[prost(string, tag = "1")]
    pub(super) title: String,
    #[prost(string, tag = "2")]
    pub(super) text: String,
    #[prost(string, tag = "3")]
    pub(super) level: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Exit {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(int32, tag = "2")]
    pub(super) runtime_secs: i32,
}
