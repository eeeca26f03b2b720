//! What an answer may be.

use crate::presets::Dimension;
use std::collections::BTreeSet;
use tollgate_core::{Currency, Name};

/// The most that a limit may be: integers stay exact in every JSON reader.
const LIMIT_MAX: u64 = (1 << 53) - 1;

/// What a typed answer has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Codes of plans.
    Codes,
    /// A currency.
    Currency,
    /// A limit, not below this one.
    Limit(Option<u64>),
}

impl Check {
    /// What is wrong with `text`.
    pub(super) fn fault(self, text: &str) -> Option<String> {
        match self {
            Self::Codes => codes(text).err(),
            Self::Currency => text
                .trim()
                .parse::<Currency>()
                .err()
                .map(|error| error.to_string()),
            Self::Limit(soft) => match (limit(text), soft) {
                (Err(fault), _) => Some(fault),
                (Ok(Some(hard)), Some(soft)) if hard < soft => {
                    Some(format!("must not be below the soft limit {soft}"))
                }
                _ => None,
            },
        }
    }
}

/// Codes of plans between commas, each once, in lower case.
pub(super) fn codes(text: &str) -> Result<Vec<Name>, String> {
    let mut codes: Vec<Name> = Vec::new();
    let mut prefixes = BTreeSet::new();
    for code in text
        .split(',')
        .map(|code| code.trim().to_lowercase())
        .filter(|code| !code.is_empty())
    {
        let code = Name::in_path(&code)
            .map_err(|error| format!("has the code `{code}`, which {error}"))?;
        if codes.contains(&code) {
            continue;
        }
        if !prefixes.insert(prefix(&code)) {
            return Err(format!(
                "has the code `{code}`, whose settings would be named as another's"
            ));
        }
        codes.push(code);
    }
    if codes.is_empty() {
        Err("must name a plan at least, such as starter".to_string())
    } else {
        Ok(codes)
    }
}

/// Keys of dimensions between commas.
pub(super) fn dimensions(text: &str) -> Result<Vec<Dimension>, String> {
    let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
    let unknown = |key: &str| {
        format!("has `{key}`, which is none of messages, input_tokens and output_tokens")
    };
    let mut dimensions = keys
        .map(|key| Dimension::of(key).ok_or_else(|| unknown(key)))
        .collect::<Result<Vec<_>, _>>()?;
    dimensions.sort_unstable();
    dimensions.dedup();
    if dimensions.is_empty() {
        Err("must name a dimension at least, such as messages".to_string())
    } else {
        Ok(dimensions)
    }
}

/// A whole number; nothing is no limit.
pub(super) fn limit(text: &str) -> Result<Option<u64>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let number = text
        .trim()
        .parse::<u64>()
        .ok()
        .filter(|number| *number <= LIMIT_MAX);
    number.map(Some).ok_or_else(|| {
        format!("must be a whole number from 0 to {LIMIT_MAX}, or empty for no limit")
    })
}

/// Yes or no.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text.trim().to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_string()),
    }
}

/// What the names of a plan's settings begin with.
pub(super) fn prefix(code: &Name) -> String {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    format!(
        "USAGE_{}_",
        code.as_str().chars().map(word).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_whole_number_or_nothing() {
        for (text, read) in [
            ("", Ok(None)),
            (" 0 ", Ok(Some(0))),
            ("9007199254740991", Ok(Some(LIMIT_MAX))),
        ] {
            assert_eq!(limit(text), read);
        }
        for text in ["-1", "1.5", "1e3", "ten", "9007199254740992", "1 000"] {
            assert!(limit(text).is_err(), "{text}");
        }
        assert_eq!(
            Check::Limit(Some(10)).fault("9"),
            Some("must not be below the soft limit 10".to_string())
        );
        assert_eq!(
            [
                Check::Limit(Some(10)).fault("10"),
                Check::Limit(Some(10)).fault("")
            ],
            [None, None]
        );
    }

    #[test]
    fn codes_are_lower_case_and_once_each_with_settings_of_their_own() {
        let read: Vec<String> = codes(" Starter, pro,,starter")
            .unwrap()
            .iter()
            .map(Name::to_string)
            .collect();
        assert_eq!(read, ["starter", "pro"]);
        assert_eq!(
            prefix(&Name::new("pro-annual.2").unwrap()),
            "USAGE_PRO_ANNUAL_2_"
        );
        for text in ["", " , ", "a/b", "pro-annual,pro.annual"] {
            assert!(codes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dimensions_are_known_ones() {
        assert_eq!(
            dimensions("output_tokens, messages,messages"),
            Ok(vec![Dimension::Messages, Dimension::OutputTokens])
        );
        assert!(dimensions("tokens").is_err() && dimensions("").is_err());
    }
}
