//! What to capture, from where, and for how long.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What to capture, from where, and for how long.
///
/// [`CaptureOptions::default`] knows no environment variables, not even `PATH`: it captures a place without looking at
/// this process. [`CaptureOptions::of_this_process`] is what a program about to start a run wants.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// Where the run works: its repository and its lock files are looked for here and in the folders above.
    pub working_dir: PathBuf,
    /// The run's Python interpreter, as a path or a name on `PATH`. Without it `VIRTUAL_ENV`, `CONDA_PREFIX`, a `.venv`
    /// in or above the working folder, and `python3` and `python` on `PATH` are tried in this order.
    pub interpreter: Option<PathBuf>,
    /// The program and its arguments, recorded with keys masked and with the working folder; empty records neither.
    pub arguments: Vec<String>,
    /// The file that is asked to run, as `train.py`.
    pub entry_point: Option<String>,
    /// The environment variables of the run. Programs such as git are started with them and no others.
    pub variables: Vec<(OsString, OsString)>,
    /// Patterns of the names of variables to record, with `*` for any characters, in either case.
    pub env_allow: Vec<String>,
    /// Patterns of the names of variables not to record though allowed. Names of credentials are never recorded.
    pub env_block: Vec<String>,
    /// Whether to record host name, operating system, hardware and container.
    pub record_system_info: bool,
    /// Whether to list packages.
    pub capture_dependencies: bool,
    /// Whether to record the state of the repository.
    pub capture_git: bool,
    /// Whether to record environment variables.
    pub capture_variables: bool,
    /// Most time that the capture may take; parts that need longer are left out and named. Default 2 s.
    pub budget: Duration,
    /// Most bytes of a git diff to keep. Default 4 MiB.
    pub max_diff_bytes: usize,
    /// The git program, as a path or a name on `PATH`.
    pub git_program: PathBuf,
    /// The NVML library if it is not where the loader looks.
    pub nvml_library: Option<PathBuf>,
    /// Folder in which the system's files (`/proc`, `/sys`, `/etc`, `/dev`, `/run`) lie; another one than `/` reads a
    /// system that is mounted there, and leaves out what only the running system can say.
    pub root: PathBuf,
}

/// Variables that say how a run behaves, and nothing about the person who started it.
const ALLOWED: &[&str] = &[
    "CUDA_*",
    "CUDNN_*",
    "CUBLAS_*",
    "NVIDIA_*",
    "NCCL_*",
    "ROCR_*",
    "HIP_*",
    "HSA_*",
    "OMP_*",
    "MKL_*",
    "OPENBLAS_*",
    "KMP_*",
    "NUMEXPR_*",
    "MALLOC_*",
    "LD_PRELOAD",
    "PYTHON*",
    "VIRTUAL_ENV",
    "CONDA_*",
    "PYENV_VERSION",
    "UV_PYTHON",
    "TORCH*",
    "PYTORCH_*",
    "TRITON_*",
    "XLA_*",
    "JAX_*",
    "TF_CPP_*",
    "TF_CUDNN_*",
    "TF_DETERMINISTIC_*",
    "TF_ENABLE_*",
    "TF_FORCE_*",
    "TF_GPU_*",
    "TF_NUM_*",
    "TF_XLA_*",
    "TPU_*",
    "HF_HOME",
    "HF_HUB_OFFLINE",
    "HF_DATASETS_*",
    "HF_ENDPOINT",
    "TRANSFORMERS_*",
    "TOKENIZERS_*",
    "ACCELERATE_*",
    "DS_*",
    "DEEPSPEED_*",
    "FSDP_*",
    "VLLM_*",
    "FLASH_ATTENTION_*",
    "WANDB_MODE",
    "WANDB_PROJECT",
    "SLURM_*",
    "PBS_JOBID",
    "PBS_NODEFILE",
    "LSB_JOBID",
    "KUBERNETES_SERVICE_HOST",
    "WORLD_SIZE",
    "RANK",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "GROUP_RANK",
    "NODE_RANK",
    "MASTER_*",
    "OMPI_COMM_WORLD_*",
    "UCX_*",
    "FI_*",
    "LAB_*",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "HOSTNAME",
    "CC",
    "CXX",
    "CFLAGS",
    "CXXFLAGS",
    "RUSTFLAGS",
    "RUST_BACKTRACE",
    "NODE_ENV",
];

/// Variables that say much about a person or place and little about a run, for those who allow `*`.
const BLOCKED: &[&str] =
    &["SSH_*", "GPG_*", "DBUS_*", "XDG_*", "BASH_FUNC_*", "LS_COLORS", "*_PROXY", "CONDA_PROMPT_*"];

impl Default for CaptureOptions {
    fn default() -> Self {
        let patterns = |all: &[&str]| all.iter().map(|&it| it.to_owned()).collect();
        Self {
            working_dir: PathBuf::from("."),
            interpreter: None,
            arguments: Vec::new(),
            entry_point: None,
            variables: Vec::new(),
            env_allow: patterns(ALLOWED),
            env_block: patterns(BLOCKED),
            record_system_info: true,
            capture_dependencies: true,
            capture_git: true,
            capture_variables: true,
            budget: Duration::from_secs(2),
            max_diff_bytes: 4 * 1024 * 1024,
            git_program: PathBuf::from("git"),
            nvml_library: None,
            root: PathBuf::from("/"),
        }
    }
}

impl CaptureOptions {
    /// Options with the working folder and the environment variables of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let here = Self { variables: std::env::vars_os().collect(), ..Self::default() };
        match std::env::current_dir() {
            Ok(working_dir) => Self { working_dir, ..here },
            Err(_) => here,
        }
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.iter().rfind(|(it, _)| it == name).map(|(_, value)| value.as_os_str());
        found.filter(|value| !value.is_empty())
    }

    pub(crate) fn path_variable(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }

    /// Whether the system's files are those of the system this process runs on.
    pub(crate) fn reads_this_system(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The file below `root` at the path that `absolute` names inside the system.
    pub(crate) fn system_file(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// Every executable file of that name or path, in the order of `PATH`.
    pub(crate) fn programs(&self, program: &Path) -> Vec<PathBuf> {
        if program.components().count() > 1 {
            return vec![self.working_dir.join(program)];
        }
        let path = self.variable("PATH").unwrap_or_default();
        let places = std::env::split_paths(path).filter(|folder| folder.is_absolute());
        places.map(|folder| folder.join(program)).filter(|file| is_executable(file)).collect()
    }

    /// The working folder and those above it, up to and with the first that holds a repository.
    pub(crate) fn project_dirs(&self) -> Vec<PathBuf> {
        let start = std::path::absolute(&self.working_dir).unwrap_or_else(|_| self.working_dir.clone());
        let mut folders = Vec::new();
        for folder in start.ancestors() {
            folders.push(folder.to_owned());
            if folder.join(".git").exists() {
                return folders;
            }
        }
        // Without a repository to bound the project, files further up belong to something else.
        folders.truncate(1);
        folders
    }
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}
