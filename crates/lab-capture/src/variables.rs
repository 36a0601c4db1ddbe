//! Environment variables: those that are allowed, not blocked, and no secret.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::CaptureOptions;
use crate::secrets::{MASK, is_secret_name, is_secret_option, mask_value};

/// Longest value that is kept, in bytes: module systems put whole shell functions into variables.
const MAX_VALUE_BYTES: usize = 4 * 1024;

/// The variables to record. Blocking wins over allowing, and the rule about credentials over both.
pub(crate) fn recorded(options: &CaptureOptions) -> BTreeMap<String, String> {
    let matches_any = |patterns: &[String], name: &str| patterns.iter().any(|pattern| matches(pattern, name));
    let names_the_host = |name: &str| !options.record_system_info && name.eq_ignore_ascii_case("HOSTNAME");
    let as_text =
        |(name, value): &(OsString, OsString)| Some((name.to_str()?.to_owned(), value.to_string_lossy().into_owned()));
    options
        .variables
        .iter()
        .filter_map(as_text)
        .filter(|(name, _)| !is_secret_name(name) && !names_the_host(name))
        .filter(|(name, _)| matches_any(&options.env_allow, name) && !matches_any(&options.env_block, name))
        .map(|(name, value)| (name, shortened(mask_value(&value))))
        .collect()
}

fn shortened(mut value: String) -> String {
    if value.len() > MAX_VALUE_BYTES {
        value.truncate(value.floor_char_boundary(MAX_VALUE_BYTES));
        value.push('…');
    }
    value
}

/// The arguments of a program: secrets are masked, also those that follow the name of an option.
pub(crate) fn masked_arguments(arguments: &[String]) -> Vec<String> {
    let mut option = "";
    let mut masked = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let named = argument.split_once('=').filter(|(name, value)| is_secret_option(name, value));
        masked.push(match named {
            _ if is_secret_option(option, argument) => MASK.to_owned(),
            Some((name, _)) => format!("{name}={MASK}"),
            None => mask_value(argument),
        });
        option = if argument.starts_with('-') && !argument.contains('=') { argument } else { "" };
    }
    masked
}

/// Whether `name` is what `pattern` says, where `*` is any characters and case does not count.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_uppercase(), name.to_ascii_uppercase());
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&str, &str)]) -> CaptureOptions {
        let variables = variables.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        CaptureOptions { variables, ..CaptureOptions::default() }
    }

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("RANK", "RANK", true),
            ("RANK", "LOCAL_RANK", false),
            ("CUDA_*", "CUDA_VISIBLE_DEVICES", true),
            ("cuda_*", "CUDA_HOME", true),
            ("*", "ANYTHING", true),
            ("*_PROXY", "https_proxy", true),
            ("A*B*C", "A-B-B-C", true),
            ("A*B*C", "A-C-B", false),
            ("AB*BA", "ABA", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn only_what_is_allowed_and_no_secret_is_recorded() {
        let options = options(&[
            ("CUDA_VISIBLE_DEVICES", "0,1"),
            ("TOKENIZERS_PARALLELISM", "false"),
            ("SLURM_JOB_ID", "42"),
            ("SLURM_JWT", "x"),
            ("LAB_TOKEN", "x"),
            ("LAB_SERVER", "https://me:hunter2@lab.example.org/"),
            ("PATH", "/bin"),
            ("HOME", "/home/me"),
        ]);
        let recorded = recorded(&options);
        let recorded: Vec<_> = recorded.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            recorded,
            [
                ("CUDA_VISIBLE_DEVICES", "0,1"),
                ("LAB_SERVER", "https://me:[masked]@lab.example.org/"),
                ("SLURM_JOB_ID", "42"),
                ("TOKENIZERS_PARALLELISM", "false"),
            ]
        );
    }

    #[test]
    fn no_allow_list_lets_a_secret_through() {
        let hidden = "hunter2";
        let key = format!("hf_{}", "a8Kd93mZq0Xw7Tb2Rv5Lp1Jc6Ng4");
        let mut options = options(&[
            ("OPENAI_API_KEY", hidden),
            ("DATABASE_URL", "postgres://lab:hunter2@db/lab"),
            ("MY_PASSWORD", hidden),
            ("GIT_ASKPASS_TOKEN", hidden),
            ("EXTRA", &key),
            ("FLAGS", "--password hunter2 --api-key=a8Kd93mZq0Xw7Tb2Rv5Lp1Jc6Ng4"),
            ("SAFE", "kept"),
        ]);
        options.env_allow = vec!["*".to_owned(), "OPENAI_API_KEY".to_owned(), "MY_PASSWORD".to_owned()];
        let text = format!("{:?}", recorded(&options));
        assert!(text.contains("kept"));
        assert!(!text.contains(&key) && !text.contains("a8Kd93mZ") && !text.contains(hidden), "{text}");
    }

    #[test]
    fn blocking_wins_over_allowing() {
        let mut options = options(&[("SLURM_JOB_ID", "42"), ("SLURM_CPUS", "8")]);
        options.env_block.push("*_JOB_*".to_owned());
        assert_eq!(recorded(&options).into_keys().collect::<Vec<_>>(), ["SLURM_CPUS"]);
    }

    #[test]
    fn arguments_lose_their_secrets() {
        for (arguments, masked) in [
            ("train.py --api-key hunter2 --lr 0.1", "train.py --api-key [masked] --lr 0.1"),
            (
                "--token=hunter2 --hf_token hunter2 DB_PASSWORD=x1",
                "--token=[masked] --hf_token [masked] DB_PASSWORD=[masked]",
            ),
            ("--session-key a8Kd93mZq0Xw7Tb2Rv5L", "--session-key [masked]"),
            ("--url=https://me:hunter2@host/", "--url=https://me:[masked]@host/"),
        ] {
            let given: Vec<_> = arguments.split(' ').map(str::to_owned).collect();
            assert_eq!(masked_arguments(&given).join(" "), masked);
        }
    }

    #[test]
    fn harmless_arguments_stay() {
        let arguments = "--max-tokens 512 --num_key_value_heads=8 --pad-token <pad> --pin-memory true --text-key text \
            --tokenizer meta-llama/Llama-3.1-8B-Instruct --token-model Qwen/Qwen2.5-7B-Instruct --auth-steps 10";
        let given: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
        assert_eq!(masked_arguments(&given), given);
    }
}
