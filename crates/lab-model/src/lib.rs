//! The domain of experiment tracking: entities, lifecycles, queries and errors.
//!
//! Nothing here opens a file, reads a clock or names a database: a time and the bytes to hash come in as arguments. Every
//! type serialises to stable snake_case JSON, because the HTTP API, the command line and the store all show these types;
//! a change of shape is a change of a published format, and a snapshot test says so.
//!
//! Values that come from outside are checked where they are made: a constructor or [`Validate::validate`] refuses what
//! the rest of the program would have to guard against, and names the path of the field at fault.

mod artifact;
mod config;
mod environment;
mod error;
mod event;
mod experiment;
mod hash;
mod id;
mod lineage;
mod metric;
pub mod number;
mod parameter;
mod query;
mod record;
mod reduction;
mod run;
#[cfg(feature = "schema")]
mod schema;
mod settings;
mod user;
mod validate;
mod version;

pub use artifact::{ArtifactName, ArtifactRef, ArtifactType};
pub use config::*;
pub use environment::*;
pub use error::{BoxError, Code, Error, Kind, Result};
pub use event::{Event, EventBody, EventSeq};
pub use experiment::{Experiment, ExperimentPatch, ExperimentStatus, Metadata, NewExperiment};
pub use hash::{ContentHash, ContentHasher};
pub use id::{
    ArtifactId, DatasetId, DatasetVersionId, ExperimentId, MetricId, RunId, UserId, WorkflowId, WorkflowRunId, WriterId,
};
pub use lineage::{EdgeType, LineageEdge, LineageGraph, LineageNode, NodeId, NodeType};
pub use metric::{
    ConfusionMatrix, Context, Distribution, LoggedValue, MetricName, Point, SeriesKey, SeriesPoints, SeriesSummary,
    Value,
};
pub use parameter::{ParameterValue, Parameters};
pub use query::{
    Cursor, ExperimentQuery, Field, Filter, Operator, Page, Paged, ParseError, RunQuery, Sort, SortOrder, Statistic,
};
pub use record::{Acknowledged, Delivery, FinishRun, Record, Refused, StartRun};
pub use reduction::Reduction;
pub use run::{
    ErrorContext, ExperimentRun, Highlight, LogLevel, LogLine, LogStream, LogSummary, RunAction, RunError, RunStatus,
    Tags,
};
pub use settings::{Compression, Settings};
pub use user::User;
pub use validate::{Validate, check_name, check_range};
pub use version::SemanticVersion;

/// A moment in UTC. Serialised as RFC 3339; stores keep microseconds.
pub type Timestamp = jiff::Timestamp;
