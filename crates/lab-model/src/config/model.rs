//! Which model, from whom, and how it generates.

use serde::{Deserialize, Serialize};

use super::credential::looks_like_key;
use super::{CredentialRef, MAX_NAME, check_optional_count, check_optional_name};
use crate::{Error, ParameterValue, Parameters, Result, Validate, check_name, check_range};

/// Most bytes in the URL of an endpoint.
const MAX_URL_BYTES: usize = 2048;

/// A model and the settings it generates with. A setting that is missing is left to the provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// What its provider calls it, as `gpt-4o`; 1–250 characters.
    pub model_id: String,
    /// Who serves it.
    pub provider: ModelProvider,
    /// Which of several of that name, as `instruct` or a revision; 1–250 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// URL that is called instead of the provider's usual one: http or https, without a user name or password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Sampling temperature, 0 or more; 0 always takes the likeliest token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Most tokens of an answer, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Share of probability that tokens are sampled from, above 0 and at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Number of likeliest tokens that are sampled from, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Penalty for each time a token has occurred, from -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// Penalty for a token that has occurred at all, from -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// Texts that end an answer, none of them empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
    /// Seed of the sampling, where the provider takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Settings that only this provider knows.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, crate::ParameterValue>))]
    pub custom: Parameters,
    /// Where the credential is that the provider asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialRef>,
}

impl ModelConfig {
    /// That model with every setting left to its provider.
    pub fn new(model_id: impl Into<String>, provider: ModelProvider) -> Self {
        Self {
            model_id: model_id.into(),
            provider,
            variant: None,
            endpoint: None,
            temperature: None,
            max_tokens: None,
            top_p: None,
            top_k: None,
            frequency_penalty: None,
            presence_penalty: None,
            stop_sequences: Vec::new(),
            seed: None,
            custom: Parameters::new(),
            credential: None,
        }
    }
}

impl Validate for ModelConfig {
    fn validate(&self) -> Result<()> {
        let optional = |field, value: Option<f64>, needs, holds: fn(f64) -> bool| {
            value.map_or(Ok(()), |value| check_range(field, value, needs, holds))
        };
        check_name("model_id", &self.model_id, MAX_NAME)?;
        self.provider.validate().map_err(|e| e.within("provider"))?;
        check_optional_name("variant", self.variant.as_ref())?;
        self.endpoint.as_ref().map_or(Ok(()), |url| check_endpoint("endpoint", url))?;
        optional("temperature", self.temperature, "0 or more", |t| t >= 0.0)?;
        check_optional_count("max_tokens", self.max_tokens)?;
        optional("top_p", self.top_p, "above 0 and at most 1", |p| p > 0.0 && p <= 1.0)?;
        check_optional_count("top_k", self.top_k)?;
        optional("frequency_penalty", self.frequency_penalty, "from -2 to 2", |p| (-2.0..=2.0).contains(&p))?;
        optional("presence_penalty", self.presence_penalty, "from -2 to 2", |p| (-2.0..=2.0).contains(&p))?;
        if let Some(i) = self.stop_sequences.iter().position(String::is_empty) {
            return Err(Error::invalid(format!("stop_sequences[{i}]"), "is empty"));
        }
        self.custom.validate().map_err(|e| e.within("custom"))?;
        check_no_keys(&self.custom).map_err(|e| e.within("custom"))?;
        self.credential.validate().map_err(|e| e.within("credential"))
    }
}

/// Refuses texts that look like a provider's key, wherever in `settings` they stand.
fn check_no_keys(settings: &Parameters) -> Result<()> {
    fn check(value: &ParameterValue) -> Result<()> {
        match value {
            ParameterValue::String(text) if looks_like_key(text) => {
                Err(Error::invalid("", "looks like a key; name the variable that holds it in `credential` instead"))
            }
            ParameterValue::List(items) => {
                items.iter().enumerate().try_for_each(|(i, item)| check(item).map_err(|e| e.within(&format!("[{i}]"))))
            }
            ParameterValue::Map(map) => check_no_keys(map),
            _ => Ok(()),
        }
    }
    settings.iter().try_for_each(|(name, value)| check(value).map_err(|e| e.within(name)))
}

/// Errors do not repeat the URL, because a password may stand in it.
fn check_endpoint(field: &str, url: &str) -> Result<()> {
    let refuse = |problem: &str| Err(Error::invalid(field, problem));
    if url.len() > MAX_URL_BYTES {
        return Err(Error::invalid(field, format!("has {} bytes; at most {MAX_URL_BYTES} are allowed", url.len())));
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse("contains white space or a control character");
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return refuse("is not a URL that begins with http:// or https://");
    };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return refuse("is not a URL that begins with http:// or https://");
    }
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return refuse("contains a user name or password; name the variable that holds it in `credential` instead");
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']').unwrap_or(("", v6)),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port_is_good = port.is_empty()
        || port.strip_prefix(':').is_some_and(|p| p.chars().all(|c| c.is_ascii_digit()) && p.parse::<u16>().is_ok());
    if host.is_empty() || !port_is_good {
        return refuse("has no host, or a port that is no number up to 65535");
    }
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    if query.split('&').filter_map(|pair| pair.split_once('=')).any(|(_, value)| looks_like_key(value)) {
        return refuse("contains what looks like a key; name the variable that holds it in `credential` instead");
    }
    Ok(())
}

/// Who serves a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "each variant is the company or product it names")]
pub enum ModelProvider {
    #[serde(rename = "openai")]
    OpenAi,
    Anthropic,
    Google,
    Cohere,
    HuggingFace,
    #[serde(rename = "azure_openai")]
    AzureOpenAi,
    AwsBedrock,
    /// Anybody else, also one's own server.
    Custom {
        /// Name of the provider; 1–250 characters.
        name: String,
    },
}

impl Validate for ModelProvider {
    fn validate(&self) -> Result<()> {
        match self {
            Self::Custom { name } => check_name("custom.name", name, MAX_NAME),
            _ => Ok(()),
        }
    }
}
