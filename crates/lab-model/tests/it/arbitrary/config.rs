use lab_model::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::{count, finite, hash, id, name, parameters, positive, search_settings, texts, version};

pub(crate) fn provider() -> impl Strategy<Value = ModelProvider> {
    prop_oneof![
        Just(ModelProvider::OpenAi),
        Just(ModelProvider::Anthropic),
        Just(ModelProvider::Google),
        Just(ModelProvider::Cohere),
        Just(ModelProvider::HuggingFace),
        Just(ModelProvider::AzureOpenAi),
        Just(ModelProvider::AwsBedrock),
        name().prop_map(|name| ModelProvider::Custom { name }),
    ]
}

pub(crate) fn credential() -> impl Strategy<Value = CredentialRef> {
    prop_oneof!["[A-Z_][A-Z_]{0,20}".prop_map(CredentialRef::Env), "team/[a-z]{1,20}".prop_map(CredentialRef::Secret)]
}

pub(crate) fn model() -> impl Strategy<Value = ModelConfig> {
    let model =
        (name(), provider(), of(name()), of("https?://[a-z]{1,9}(:8000)?(/v1)?"), of(credential()), parameters());
    let shape = (of(0.0..1e3f64), of(1..=u32::MAX), of(1e-300..=1.0f64), of(1..=u32::MAX));
    let penalties = (of(-2.0..=2.0f64), of(-2.0..=2.0f64));
    (model, shape, penalties, vec(".{1,5}", 0..3), of(any::<i64>())).prop_map(
        |((model_id, provider, variant, endpoint, credential, custom), shape, penalties, stop_sequences, seed)| {
            ModelConfig {
                variant,
                endpoint,
                temperature: shape.0,
                max_tokens: shape.1,
                top_p: shape.2,
                top_k: shape.3,
                frequency_penalty: penalties.0,
                presence_penalty: penalties.1,
                stop_sequences,
                seed,
                custom,
                credential,
                ..ModelConfig::new(model_id, provider)
            }
        },
    )
}

pub(crate) fn sampling() -> impl Strategy<Value = Sampling> {
    let method = prop_oneof![
        Just(SamplingMethod::Random),
        Just(SamplingMethod::Reservoir),
        name().prop_map(|column| SamplingMethod::Stratified { column }),
        count().prop_map(|interval| SamplingMethod::Systematic { interval }),
    ];
    let size = prop_oneof![
        Just(SampleSize::All),
        count().prop_map(SampleSize::Count),
        (5e-324..=100.0f64).prop_map(SampleSize::Percentage),
    ];
    (method, size, of(any::<u64>())).prop_map(|(method, size, seed)| Sampling { method, size, seed })
}

pub(crate) fn dataset() -> impl Strategy<Value = DatasetRef> {
    let selector = prop_oneof![
        Just(DatasetVersionSelector::Latest),
        id(DatasetVersionId::from_uuid).prop_map(DatasetVersionSelector::Id),
        name().prop_map(DatasetVersionSelector::Tag),
        hash().prop_map(DatasetVersionSelector::ContentHash),
    ];
    let split = prop_oneof![
        Just(DatasetSplit::Train),
        Just(DatasetSplit::Validation),
        Just(DatasetSplit::Test),
        name().prop_map(|name| DatasetSplit::Custom { name }),
    ];
    (id(DatasetId::from_uuid), selector, of(split), of(sampling()))
        .prop_map(|(dataset_id, version, split, sampling)| DatasetRef { dataset_id, version, split, sampling })
}

pub(crate) fn direction() -> impl Strategy<Value = MetricDirection> {
    prop::sample::select(vec![MetricDirection::Maximize, MetricDirection::Minimize])
}

pub(crate) fn threshold() -> impl Strategy<Value = Threshold> {
    let side = prop::sample::select(vec![ThresholdDirection::Above, ThresholdDirection::Below]);
    (finite(), side).prop_map(|(value, direction)| Threshold { value, direction })
}

pub(crate) fn metric_config() -> impl Strategy<Value = MetricConfig> {
    let definition = (of(id(MetricId::from_uuid)), of(version()), parameters());
    (name(), definition, of(positive()), of(direction()), of(threshold()), of(threshold())).prop_map(
        |(name, (metric_id, version, parameters), weight, direction, warning, critical)| MetricConfig {
            name,
            metric_id,
            version,
            parameters,
            weight,
            direction,
            warning,
            critical,
        },
    )
}

pub(crate) fn resources() -> impl Strategy<Value = ResourceRequirements> {
    let gpus = (1..=u32::MAX, of(name()), of(count())).prop_map(|(count, gpu_type, memory_bytes)| GpuRequirement {
        count,
        gpu_type,
        memory_bytes,
    });
    let effects = vec![TolerationEffect::NoSchedule, TolerationEffect::PreferNoSchedule, TolerationEffect::NoExecute];
    let toleration = (name(), of(name()), of(prop::sample::select(effects)))
        .prop_map(|(key, value, effect)| Toleration { key, value, effect });
    let labels = texts().prop_map(|mut labels| {
        labels.values_mut().for_each(|value| value.retain(char::is_alphanumeric));
        labels
    });
    let secs = || of(1..=3_155_760_000u64);
    let priority = vec![Priority::Low, Priority::Normal, Priority::High, Priority::Critical];
    let machine = (of(positive()), of(count()), of(gpus), of(count()), labels, vec(toleration, 0..3));
    (machine, of(1..=36_525u32), secs(), secs(), prop::sample::select(priority)).prop_map(
        |(machine, retention_days, checkpoint_interval_secs, timeout_secs, priority)| ResourceRequirements {
            cpu_cores: machine.0,
            memory_bytes: machine.1,
            gpus: machine.2,
            scratch_bytes: machine.3,
            node_selector: machine.4,
            tolerations: machine.5,
            retention_days,
            checkpoint_interval_secs,
            timeout_secs,
            priority,
        },
    )
}

pub(crate) fn reproducibility() -> impl Strategy<Value = ReproducibilitySettings> {
    (any::<[bool; 5]>(), of(any::<u64>())).prop_map(|(on, global_seed)| ReproducibilitySettings {
        capture_environment: on[0],
        pin_dependencies: on[1],
        deterministic_mode: on[2],
        checkpoint_artifacts: on[3],
        record_system_info: on[4],
        global_seed,
    })
}

pub(crate) fn config() -> impl Strategy<Value = ExperimentConfig> {
    let lists = (vec(model(), 0..3), vec(dataset(), 0..3), vec(metric_config(), 0..3));
    (lists, search_settings(), resources(), reproducibility()).prop_map(
        |((models, datasets, metrics), parameters, resources, reproducibility)| ExperimentConfig {
            models,
            datasets,
            metrics,
            parameters,
            resources,
            reproducibility,
            ..ExperimentConfig::default()
        },
    )
}
