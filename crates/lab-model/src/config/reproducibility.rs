//! What is recorded and pinned so that a run can be made again.

use serde::{Deserialize, Serialize};

/// What is recorded and pinned. By default what costs nothing: the environment and the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ReproducibilitySettings {
    /// Record the environment that a run starts in: code revision, packages, variables.
    pub capture_environment: bool,
    /// Refuse to run with packages other than the recorded ones.
    pub pin_dependencies: bool,
    /// Ask the libraries that a run uses for deterministic algorithms, which may be slower.
    pub deterministic_mode: bool,
    /// Seed of every generator of random numbers that is given no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_seed: Option<u64>,
    /// Keep checkpoints as artifacts.
    pub checkpoint_artifacts: bool,
    /// Record the machine: processor, memory, accelerators, operating system.
    pub record_system_info: bool,
}

impl Default for ReproducibilitySettings {
    fn default() -> Self {
        Self {
            capture_environment: true,
            pin_dependencies: false,
            deterministic_mode: false,
            global_seed: None,
            checkpoint_artifacts: false,
            record_system_info: true,
        }
    }
}
