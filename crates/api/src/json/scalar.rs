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

/// An id that a client makes.
pub(crate) fn id(raw: &RawValue) -> Result<Name, Fault> {
    Name::id(&text(raw)?).map_err(Fault::rule)
}

/// A name.
pub(crate) fn name(raw: &RawValue) -> Result<Name, Fault> {
    Name::new(&text(raw)?).map_err(Fault::rule)
}

/// The id of an event, which no client may begin as those do that void others.
pub(crate) fn event_id(raw: &RawValue) -> Result<Name, Fault> {
    unreserved(id(raw)?)
}

/// The id of a sealed batch.
pub(crate) fn batch_id(raw: &RawValue) -> Result<Name, Fault> {
    let id = unreserved(id(raw)?)?;
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

/// An integer from 0 to 2^53-1.
pub(crate) fn quantity(raw: &RawValue) -> Result<u64, Fault> {
    integer(0, QUANTITY_MAX)(raw)
}

/// An integer from `min` to `max`: `1200`, `1200.0` or `1.2e3`.
pub(crate) fn integer(min: u64, max: u64) -> impl Fn(&RawValue) -> Result<u64, Fault> {
    move |raw| {
        if NodeKind::of(raw) != NodeKind::Number {
            return Err(Fault::shape("must be an integer"));
        }
        let digits = whole_digits(raw.get()).ok_or(Fault::shape("must be an integer"))?;
        let number = digits.parse().ok();
        let number = number.filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| Fault::Rule(format!("must be from {min} to {max}")))
    }
}

/// The digits of a whole number, with its sign if it is negative; `None` for a fraction.
fn whole_digits(lexeme: &str) -> Option<String> {
    let (mantissa, exponent) = lexeme.split_once(['e', 'E']).unwrap_or((lexeme, "0"));
    let (sign, magnitude) = match mantissa.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", mantissa),
    };
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let all = [whole, fraction].concat();
    let short = all.trim_end_matches('0');
    if short.is_empty() {
        return Some("0".to_owned());
    }
    // Beyond all ranges either way, and not to be written out.
    let exponent = exponent
        .parse::<i64>()
        .unwrap_or(i64::MAX)
        .clamp(-2000, 2000);
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let zeros = point.checked_sub(i64::try_from(short.len()).ok()?)?;
    let zeros = usize::try_from(zeros).ok()?;
    Some([sign, short, &"0".repeat(zeros)].concat())
}

/// Money of at least 0: a decimal string, exactly, or a number, whose text is rounded
/// half-even at 1e-15, since binary floats leave residue there.
pub(crate) fn decimal(raw: &RawValue) -> Result<Amount, Fault> {
    let amount: Amount = match NodeKind::of(raw) {
        NodeKind::Number => money(raw.get())?,
        NodeKind::Text => parsed(raw)?,
        _ => return Err(Fault::shape("must be a decimal, as a string or a number")),
    };
    if amount < Amount::ZERO {
        return Err(Fault::rule("must not be negative"));
    }
    Ok(amount)
}

fn money(lexeme: &str) -> Result<Amount, Fault> {
    let amount = Amount::parse_rounded(lexeme, 15).map_err(Fault::rule)?;
    let digits = lexeme.split(['e', 'E']).next().unwrap_or_default();
    let is_zero = !digits.contains(|c: char| c.is_ascii_digit() && c != '0');
    if amount == Amount::ZERO && !is_zero {
        return Err(Fault::rule(
            "is not 0 but less than the finest amount, 1e-15",
        ));
    }
    Ok(amount)
}

/// What was measured, from 0 to `max`: a number or a string of one, rounded half-even to
/// 6 fraction digits.
pub(crate) fn measured_to(max: u64) -> impl Fn(&RawValue) -> Result<Amount, Fault> {
    move |raw| {
        let lexeme = match NodeKind::of(raw) {
            NodeKind::Number => raw.get().to_owned(),
            NodeKind::Text => text(raw)?,
            _ => return Err(Fault::shape("must be a decimal, as a string or a number")),
        };
        let amount = Amount::parse_rounded(&lexeme, 6).map_err(Fault::rule)?;
        let most = Amount::whole(max);
        if amount < Amount::ZERO || most.is_none_or(|most| amount > most) {
            return Err(Fault::Rule(format!("must be from 0 to {max}")));
        }
        Ok(amount)
    }
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
