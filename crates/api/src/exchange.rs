//! Exchange rates, as operators send them and in answers.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tollgate_core::{Amount, Currency, ExchangeTable, Instant};

/// The highest rate.
const RATE_MAX: u64 = 1_000_000_000;

/// Exchange rates as they were sent: to become the next version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewExchange {
    /// The currency that they convert into.
    pub base: Currency,
    /// What one of each currency is worth in `base`.
    pub rates: BTreeMap<Currency, Amount>,
    /// The first instant at which they convert; absent = all of time for the
    /// first into `base`, from receipt on for a later one.
    pub effective_from: Option<Instant>,
}

impl NewExchange {
    /// The table as `version`, at `sequence` among all versions.
    #[must_use]
    pub fn into_table(self, version: u32, sequence: u64, now: Instant) -> ExchangeTable {
        let Self {
            base,
            rates,
            effective_from,
        } = self;
        ExchangeTable {
            version,
            sequence,
            base,
            rates,
            effective_from: effective_from.unwrap_or(now),
        }
    }
}

/// Reads `PUT /exchange-rates`.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_exchange(body: &[u8]) -> Result<NewExchange, Problem> {
    let exchange = Node::root(body).and_then(|node| node.object(exchange));
    exchange.map_err(Errors::into_problem)
}

fn exchange(object: &mut Object<'_>) -> Option<NewExchange> {
    let base = object.need("base", scalar::currency);
    let effective_from = object.read("effective_from", scalar::instant);
    object.require("rates");
    let rates = object.take("rates").map(|node| rates(&node, base));
    let rates = rates.and_then(|rates| object.keep(rates));
    Some(NewExchange {
        base: base?,
        rates: rates?,
        effective_from,
    })
}

fn rates(node: &Node<'_>, base: Option<Currency>) -> Result<BTreeMap<Currency, Amount>, Errors> {
    let entry = |(key, node): (String, Node<'_>)| {
        let currency: Currency = key
            .parse()
            .map_err(|error| node.fault(Fault::Rule(format!("has a name that {error}"))))?;
        if Some(currency) == base {
            return Err(node.fault(Fault::rule("is the base, of which one is always worth one")));
        }
        Ok((currency, node.scalar(rate)?))
    };
    let rates = Errors::gather(node.entries()?.into_iter().map(entry))?;
    if rates.is_empty() {
        return Err(node.fault(Fault::rule("must name at least one currency")));
    }
    Ok(rates.into_iter().collect())
}

fn rate(raw: &RawValue) -> Result<Amount, Fault> {
    let rate = scalar::decimal_to(RATE_MAX)(raw)?;
    if rate == Amount::ZERO {
        Err(Fault::rule("must be above 0"))
    } else {
        Ok(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::exchange::ExchangeRatesVersion;
    use crate::refusals::refuses;
    use serde_json::json;

    #[test]
    fn rates_are_shown_as_they_were_put() {
        let body = json!({"base":"USD","rates":{"EUR":"1.08","JPY":"0.0067"},
            "effective_from":"2026-01-01T00:00:00Z"});
        let table = parse_exchange(body.to_string().as_bytes())
            .unwrap()
            .into_table(3, 7, Instant::EPOCH);
        let mut shown = serde_json::to_value(ExchangeRatesVersion::from(&table)).unwrap();
        assert_eq!(
            shown.as_object_mut().unwrap().shift_remove("version"),
            Some(json!(3))
        );
        assert_eq!(shown, body);
    }

    #[test]
    fn bad_rates_are_refused_by_field() {
        refuses(
            parse_exchange,
            &[
                (b"", 400, ""),
                (b"{}", 400, "/base /rates"),
                (br#"{"base":"USD","rates":{}}"#, 422, "/rates"),
                (br#"{"base":"USD","rates":[]}"#, 400, "/rates"),
                (br#"{"base":"USD","rates":null}"#, 400, "/rates"),
                (br#"{"base":"DOLLAR","rates":{"EUR":1}}"#, 422, "/base"),
                (br#"{"base":"USD","rates":{"eur":1}}"#, 422, "/rates/eur"),
                (
                    br#"{"base":"USD","rates":{"EUR":1,"EUR":2}}"#,
                    400,
                    "/rates/EUR",
                ),
                (br#"{"base":"USD","rates":{"USD":1}}"#, 422, "/rates/USD"),
                (br#"{"base":"USD","rates":{"EUR":0}}"#, 422, "/rates/EUR"),
                (br#"{"base":"USD","rates":{"EUR":"-1"}}"#, 422, "/rates/EUR"),
                (
                    br#"{"base":"USD","rates":{"EUR":"1e-16"}}"#,
                    422,
                    "/rates/EUR",
                ),
                (
                    br#"{"base":"USD","rates":{"EUR":1000000000.1}}"#,
                    422,
                    "/rates/EUR",
                ),
                (br#"{"base":"USD","rates":{"EUR":true}}"#, 400, "/rates/EUR"),
                (br#"{"base":"USD","rates":{"EUR":null}}"#, 400, "/rates/EUR"),
                (
                    br#"{"base":"USD","rates":{"EUR":1},"effective_from":"2026-01-01"}"#,
                    422,
                    "/effective_from",
                ),
                (
                    br#"{"base":"USD","rates":{"EUR":0,"XYZ":1},"version":1}"#,
                    400,
                    "/rates/EUR /rates/XYZ /version",
                ),
            ],
        );
    }
}
