//! What makes a program compute the same again, as far as its environment can.

use lab_model::Tags;

use super::RunArgs;

/// Variables for the program, and tags that say so.
pub(super) fn variables(args: &RunArgs, tags: &mut Tags) -> Vec<(String, String)> {
    let Some(seed) = args.seed.or(args.deterministic.then_some(0)) else { return Vec::new() };
    let seed = seed.to_string();
    let mut variables = vec![("LAB_SEED", seed.clone()), ("PYTHONHASHSEED", seed.clone())];
    tags.0.entry("seed".to_owned()).or_insert(seed);
    if args.deterministic {
        tags.0.entry("deterministic".to_owned()).or_default();
        variables.extend([
            ("LAB_DETERMINISTIC", "1".to_owned()),
            // Without it cuBLAS is free to add in another order.
            ("CUBLAS_WORKSPACE_CONFIG", ":4096:8".to_owned()),
            ("TF_DETERMINISTIC_OPS", "1".to_owned()),
            ("TF_CUDNN_DETERMINISTIC", "1".to_owned()),
            ("XLA_FLAGS", xla_flags()),
            // The same instructions whatever the processor has more.
            ("MKL_CBWR", "COMPATIBLE".to_owned()),
        ]);
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn xla_flags() -> String {
    let flag = "--xla_gpu_deterministic_ops=true";
    match std::env::var("XLA_FLAGS") {
        Ok(flags) if !flags.trim().is_empty() => format!("{flags} {flag}"),
        _ => flag.to_owned(),
    }
}
