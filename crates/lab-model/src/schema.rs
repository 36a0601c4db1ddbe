//! Schemas for the OpenAPI document, of types whose JSON is not what their fields say.

use std::borrow::Cow;
use std::collections::BTreeMap;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::number::JsonFloat;
use crate::{
    ArtifactId, ArtifactName, ArtifactType, Compression, ContentHash, Cursor, DatasetId, DatasetVersionId,
    ExperimentId, Field, Filter, MetricId, NodeId, ParameterValue, RunId, SemanticVersion, Sort, Tags, UserId,
    WorkflowId, WorkflowRunId, WriterId,
};

/// Types that are one text in JSON.
macro_rules! texts {
    ($($name:ident $format:expr, $description:literal;)+) => { $(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let format: Option<KnownFormat> = $format;
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(format.map(SchemaFormat::KnownFormat))
                    .description(Some($description))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+ };
}

texts! {
    ArtifactId Some(KnownFormat::Uuid), "Identifies an artifact.";
    DatasetId Some(KnownFormat::Uuid), "Identifies a dataset over all its versions.";
    DatasetVersionId Some(KnownFormat::Uuid), "Identifies one version of a dataset.";
    ExperimentId Some(KnownFormat::Uuid), "Identifies an experiment.";
    MetricId Some(KnownFormat::Uuid), "Identifies the definition of a metric.";
    RunId Some(KnownFormat::Uuid), "Identifies a run.";
    UserId Some(KnownFormat::Uuid), "Identifies a person or a service account.";
    WorkflowId Some(KnownFormat::Uuid), "Identifies a workflow.";
    WorkflowRunId Some(KnownFormat::Uuid), "Identifies one execution of a workflow.";
    WriterId Some(KnownFormat::Uuid), "Identifies a writer of records.";
    ArtifactName None, "A relative path with `/`, without empty, `.` or `..` parts.";
    ArtifactType None, "model, checkpoint, dataset, visualization, log, config, report, file, or any other name.";
    Compression None, "`off`, `zstd` or `zstd:LEVEL`.";
    ContentHash None, "SHA-256 as 64 lower-case hexadecimal digits.";
    Cursor None, "Where a page begins; opaque.";
    Field None, "A field of the query language, as `params.lr`.";
    Filter None, "A filter of the query language, as `metrics.loss < 0.5`.";
    NodeId None, "`TYPE:KEY`, as `model:gpt2`.";
    SemanticVersion None, "A semantic version, as `1.2.0-rc.1`.";
    Sort None, "A key to sort by, as `metrics.loss asc`.";
}

impl PartialSchema for Tags {
    fn schema() -> RefOr<Schema> {
        BTreeMap::<String, String>::schema()
    }
}

impl ToSchema for Tags {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Tags")
    }
}

impl PartialSchema for JsonFloat {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["NaN", "Infinity", "-Infinity"]));
        let number =
            ObjectBuilder::new().schema_type(Type::Number).format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)));
        OneOfBuilder::new().item(number).item(text).into()
    }
}

impl ToSchema for JsonFloat {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Float")
    }
}

impl PartialSchema for ParameterValue {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some("An integer, float, string, boolean, list or map; a float JSON cannot write is `{\"$float\": \"NaN\"}`."))
            .into()
    }
}

impl ToSchema for ParameterValue {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ParameterValue")
    }
}
