//! Input tokens, of which the cached ones are a part.

use crate::event::gen_ai::attribute::Attributes;
use crate::event::name::Name;
use crate::event::quantities::QUANTITY_MAX;

/// Whether `gen_ai.usage.input_tokens` has the cached tokens in it.
///
/// The convention says since its version 1.40 that it has. The APIs of OpenAI
/// and Google count so; those of Anthropic and Bedrock report the tokens read
/// from and written to a cache apart, and instrumentations have passed that on
/// under either name, so that neither provider nor attribute tells for sure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CachedTokens {
    /// By the numbers: within, as the convention says, unless the cached
    /// tokens are more than the whole. Then they are apart, but for providers
    /// that always count them within, where they are held to the whole. So no
    /// token is ever counted twice.
    #[default]
    Detected,
    /// They are within it.
    Within,
    /// They are apart from it.
    Apart,
}

/// The input of one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Input {
    /// All of it.
    pub(super) tokens: u64,
    /// The part read from a cache; never more.
    pub(super) cached: u64,
}

impl Input {
    pub(super) fn read(
        attributes: &Attributes<'_>,
        counted: CachedTokens,
        provider: Option<&Name>,
        model: Option<&Name>,
    ) -> Self {
        let reported = attributes.quantity(INPUT_TOKENS);
        let read = attributes.quantity(CACHE_READ).unwrap_or(0);
        let written = attributes.quantity(CACHE_CREATION).unwrap_or(0);
        let parts = read.saturating_add(written);
        let is_apart = match counted {
            CachedTokens::Within => false,
            CachedTokens::Apart => true,
            CachedTokens::Detected => {
                reported.is_some_and(|reported| reported < parts) && !counts_within(provider, model)
            }
        };
        let whole = reported.unwrap_or(parts);
        let whole = if is_apart && reported.is_some() {
            whole.saturating_add(parts)
        } else {
            whole
        };
        let tokens = whole.min(QUANTITY_MAX);
        Self {
            tokens,
            cached: read.min(tokens),
        }
    }
}

const INPUT_TOKENS: &[&str] = &["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"];

/// The convention's name, Anthropic's, Sentry's, and two seen for OpenAI.
const CACHE_READ: &[&str] = &[
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.cached_tokens",
];

/// The convention's name, Anthropic's, Bedrock's and Sentry's.
const CACHE_CREATION: &[&str] = &[
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.input_tokens.cache_write",
];

/// Providers whose own API counts cached tokens within the input.
const WITHIN: &[&str] = &[
    "openai",
    "azure.ai.openai",
    "azure.ai.inference",
    "az.ai.openai",
    "az.ai.inference",
    "azure_openai",
    "gcp.gemini",
    "gcp.vertex_ai",
    "gcp.gen_ai",
    "gemini",
    "google",
    "vertex_ai",
    "deepseek",
    "groq",
    "mistral_ai",
    "moonshot_ai",
    "perplexity",
    "x_ai",
    "xai",
];

/// A Claude model is Anthropic's, whoever serves it.
fn counts_within(provider: Option<&Name>, model: Option<&Name>) -> bool {
    let is_claude = model.is_some_and(|model| {
        let model = model.as_str().to_ascii_lowercase();
        model.contains("claude") || model.contains("anthropic")
    });
    let provider = provider.map(|provider| provider.as_str().to_ascii_lowercase());
    !is_claude && provider.is_some_and(|provider| WITHIN.contains(&provider.as_str()))
}

#[cfg(test)]
mod tests;
