//! How single values are read: each function takes a value to a domain type or
//! says what is wrong with it.

use super::errors::Fault;
use super::node::NodeKind;
use crate::reserved::is_reserved_tenant;
use serde_json::value::RawValue;
use std::fmt::Display;
use std::str::FromStr;
use tollgate_core::{Amount, Currency, Instant, Measure, Name, QUANTITY_MAX, VOID_PREFIX, Zone};

pub(crate) use super::canonical::metadata;

/// Any string.
pub(crate) fn text(raw: &RawValue) -> Result<String, Fault> {
    if NodeKind::of(raw) != NodeKind::Text {
        return Err(Fault::shape("must be a string"));
    }
    serde_json::from_str(raw.get())
        .map_err(|_| Fault::shape("must be a string of whole Unicode characters"))
}

/// A string of 1 to `max` characters without control characters.
pub(crate) fn line(max: usize) -> impl Fn(&RawValue) -> Result<String, Fault> {
    move |raw| {
        let text = text(raw)?;
        if text.is_empty() || text.chars().count() > max {
            return Err(Fault::Rule(format!("must have 1 to {max} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(Fault::rule("must not hold control characters"));
        }
        Ok(text)
    }
}

/// A string that parses.
fn parsed<T: FromStr<Err: Display>>(raw: &RawValue) -> Result<T, Fault> {
    text(raw)?.parse().map_err(Fault::rule)
}

/// An id or operation.
pub(crate) fn name(raw: &RawValue) -> Result<Name, Fault> {
    Name::new(&text(raw)?).map_err(Fault::rule)
}

/// The id of an event, which no client may begin as those do that void others.
pub(crate) fn event_id(raw: &RawValue) -> Result<Name, Fault> {
    unreserved(name(raw)?)
}

/// The id of a sealed batch.
pub(crate) fn batch_id(raw: &RawValue) -> Result<Name, Fault> {
    let id = unreserved(name(raw)?)?;
    if id.as_str().len() > Name::BATCH_LENGTH_MAX {
        let most = Name::BATCH_LENGTH_MAX;
        return Err(Fault::Rule(format!("must have at most {most} characters")));
    }
    Ok(id)
}

/// The id of a hold, under which its event may be booked.
pub(crate) fn hold_id(raw: &RawValue) -> Result<Name, Fault> {
    unreserved(path_name(raw)?)
}

fn unreserved(id: Name) -> Result<Name, Fault> {
    if id.as_str().starts_with(VOID_PREFIX) {
        Err(Fault::Rule(format!("must not begin with `{VOID_PREFIX}`")))
    } else {
        Ok(id)
    }
}

/// An id that stands in a path.
pub(crate) fn path_name(raw: &RawValue) -> Result<Name, Fault> {
    Name::in_path(&text(raw)?).map_err(Fault::rule)
}

/// A tenant: an id that stands in a path and is no word of a route.
pub(crate) fn tenant(raw: &RawValue) -> Result<Name, Fault> {
    let name = path_name(raw)?;
    if is_reserved_tenant(name.as_str()) {
        return Err(Fault::rule("is a word of a route and names no tenant"));
    }
    Ok(name)
}

/// An RFC 3339 time with an offset.
pub(crate) fn instant(raw: &RawValue) -> Result<Instant, Fault> {
    parsed(raw)
}

/// An ISO 4217 code.
pub(crate) fn currency(raw: &RawValue) -> Result<Currency, Fault> {
    parsed(raw)
}

/// What a limit counts.
pub(crate) fn measure(raw: &RawValue) -> Result<Measure, Fault> {
    parsed(raw)
}

/// A time zone of the IANA database.
pub(crate) fn zone(raw: &RawValue) -> Result<Zone, Fault> {
    parsed(raw)
}

/// `true` or `false`.
pub(crate) fn flag(raw: &RawValue) -> Result<bool, Fault> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::shape("must be true or false")),
    }
}

/// An integer from 0 to 2^53-1, written as one.
pub(crate) fn quantity(raw: &RawValue) -> Result<u64, Fault> {
    integer(0, QUANTITY_MAX)(raw)
}

/// An integer from `min` to `max`, written as one.
pub(crate) fn integer(min: u64, max: u64) -> impl Fn(&RawValue) -> Result<u64, Fault> {
    move |raw| {
        let lexeme = raw.get();
        if NodeKind::of(raw) != NodeKind::Number || lexeme.contains(['.', 'e', 'E']) {
            return Err(Fault::shape("must be an integer"));
        }
        let digits = if lexeme == "-0" { "0" } else { lexeme };
        let number = digits
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| Fault::Rule(format!("must be from {min} to {max}")))
    }
}

/// A decimal of at least 0, as a string or a number, exactly.
pub(crate) fn decimal(raw: &RawValue) -> Result<Amount, Fault> {
    let amount: Amount = match NodeKind::of(raw) {
        NodeKind::Number => raw.get().parse().map_err(Fault::rule)?,
        NodeKind::Text => parsed(raw)?,
        _ => return Err(Fault::shape("must be a decimal, as a string or a number")),
    };
    if amount < Amount::ZERO {
        return Err(Fault::rule("must not be negative"));
    }
    Ok(amount)
}

/// A decimal from 0 to `max`.
pub(crate) fn decimal_to(max: u64) -> impl Fn(&RawValue) -> Result<Amount, Fault> {
    move |raw| {
        let amount = decimal(raw)?;
        let fits = Amount::whole(max).is_some_and(|max| amount <= max);
        if fits {
            Ok(amount)
        } else {
            Err(Fault::Rule(format!("must be from 0 to {max}")))
        }
    }
}

/// One of `choices`, by its word.
pub(crate) fn one_of<T: Copy + Display>(choices: &[T]) -> impl Fn(&RawValue) -> Result<T, Fault> {
    move |raw| {
        let text = text(raw)?;
        let words: Vec<String> = choices.iter().map(T::to_string).collect();
        let mut listed = choices.iter().zip(&words);
        let chosen = listed.find(|(_, word)| **word == text);
        let chosen = chosen.map(|(choice, _)| *choice);
        chosen.ok_or_else(|| Fault::Rule(format!("must be one of {}", words.join(", "))))
    }
}
