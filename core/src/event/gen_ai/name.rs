//! Names out of texts that were not made to be names.

use crate::event::name::Name;
use alloc::string::String;

/// The name nearest to `text`: each character that no name may hold becomes
/// `-`, what stands before the first letter or digit is left out, and so is
/// all beyond 128 characters. `None` where no letter or digit is left.
///
/// Texts that differ only in such characters become one name.
#[must_use]
pub fn nearest_name(text: &str) -> Option<Name> {
    let from_start = text
        .trim()
        .chars()
        .skip_while(|c| !c.is_ascii_alphanumeric());
    let replaced: String = from_start
        .map(|c| if fits(c) { c } else { '-' })
        .take(Name::LENGTH_MAX)
        .collect();
    Name::new(&replaced).ok()
}

fn fits(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._:@/+-".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_name_stays_and_what_is_none_becomes_the_nearest() {
        for (text, name) in [
            ("gpt-4o", Some("gpt-4o")),
            (
                "us.anthropic.claude-3-5:0",
                Some("us.anthropic.claude-3-5:0"),
            ),
            ("Math Tutor", Some("Math-Tutor")),
            ("  Ada#1|x ", Some("Ada-1-x")),
            ("-_/models/gemini", Some("models/gemini")),
            ("é1ü", Some("1-")),
            ("   ", None),
            ("---", None),
            ("", None),
        ] {
            assert_eq!(
                nearest_name(text).map(|n| n.to_string()).as_deref(),
                name,
                "{text:?}"
            );
        }
        assert_eq!(nearest_name(&"x".repeat(500)).unwrap().as_str().len(), 128);
    }
}
