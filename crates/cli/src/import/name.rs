//! Names of operations, and patterns for names of entries.

use std::convert::Infallible;
use std::str::FromStr;

/// A pattern: `*` stands for anything, all else for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<String>);

impl Pattern {
    /// The pattern `text`.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.split('*').map(str::to_owned).collect())
    }

    /// Whether the whole of `name` matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some((first, others)) = self.0.split_first() else {
            return false;
        };
        let Some((last, between)) = others.split_last() else {
            return name == first;
        };
        let rest = name.strip_prefix(first.as_str());
        let rest = rest.and_then(|rest| rest.strip_suffix(last.as_str()));
        let found = between.iter().try_fold(rest, |rest, piece| {
            let (_, after) = rest?.split_once(piece.as_str())?;
            Some(Some(after))
        });
        found.flatten().is_some()
    }
}

impl FromStr for Pattern {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

/// Whether `name` is asked for.
pub(crate) fn is_asked_for(only: Option<&Pattern>, name: &str) -> bool {
    only.is_none_or(|pattern| pattern.matches(name))
}

/// `name` as the name of an operation, what no name may hold percent-encoded; or why it
/// can be none.
pub(crate) fn operation(name: &str) -> Result<String, &'static str> {
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err("an operation's name starts with a letter or digit");
    }
    let mut encoded = String::with_capacity(name.len());
    let bytes = name.as_bytes();
    for (place, byte) in bytes.iter().enumerate() {
        let next = bytes.get(place.saturating_add(1));
        let is_kept = match byte {
            b'%' | b'|' => false,
            b' ' => next.is_some_and(|next| *next != b' '),
            byte => byte.is_ascii_graphic(),
        };
        if is_kept {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    if encoded.len() > NAME_MAX {
        return Err("an operation's name has at most 128 characters");
    }
    Ok(encoded)
}

const NAME_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_anything() {
        let cases = [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-*", "gpt-4o-mini", true),
            ("*mini", "gpt-4o-mini", true),
            ("*4o*", "gpt-4o-mini", true),
            ("g*o*i", "gpt-4o-mini", true),
            ("g*z*i", "gpt-4o-mini", false),
            ("a*a", "a", false),
            ("a*b*b", "ab", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("bedrock/*", "bedrock/*/x", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern}");
        }
    }

    #[test]
    fn names_are_encoded_where_they_must_be() {
        let cases = [
            ("gpt-4o (eu)", Ok("gpt-4o (eu)")),
            ("a|b%c", Ok("a%7Cb%25c")),
            ("a  b ", Ok("a%20 b%20")),
            ("naïve", Ok("na%C3%AFve")),
            ("@cf/meta", Err(())),
            ("", Err(())),
        ];
        for (name, expected) in cases {
            assert_eq!(
                operation(name).map_err(|_| ()),
                expected.map(str::to_owned),
                "{name}"
            );
        }
        assert!(operation(&"a".repeat(128)).is_ok());
        assert!(operation(&"a".repeat(129)).is_err());
        assert!(operation(&"é".repeat(30)).is_err());
    }
}
