//! A rate card as a text, put on the server where it is not there yet.

use crate::call::{Call, target};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::encode;
use crate::retry::{Patience, random};
use serde::{Deserialize, Serialize};
use std::path::Path;
use tollgate_api::{DefaultsAnswer, NewCard, RateCardPut, RateCardVersion, Tenant, parse_card};
use tollgate_core::{Instant, Name};

/// A rate card as a text has it.
#[derive(Debug, Clone)]
pub(crate) struct CardText {
    /// The card's id.
    pub(crate) id: Name,
    text: String,
}

/// What a rate card says: its prices, and from when on where it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    from: Option<Instant>,
    prices: String,
}

impl Content {
    /// What a version says.
    pub(crate) fn of(version: &RateCardVersion) -> Result<Self, Failure> {
        Ok(Self {
            from: Some(version.effective_from),
            prices: encode(&version.changeable())?,
        })
    }

    /// Whether a version that says `held` says it too.
    pub(crate) fn is_in(&self, held: &Self) -> bool {
        (self.from.is_none() || self.from == held.from) && self.prices == held.prices
    }
}

/// What a file calls its card; the rest goes out as it is written.
#[derive(Deserialize)]
struct Named {
    id: Option<String>,
}

/// The version of a card that stands on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The card.
    pub(crate) id: Name,
    /// Its newest version.
    pub(crate) version: u32,
    /// Whether this run put it there.
    pub(crate) is_new: bool,
    /// What the server warned of when it was put.
    pub(crate) warnings: Vec<String>,
}

#[derive(Serialize)]
struct Cards<'a> {
    rate_cards: &'a [Name],
}

impl CardText {
    /// The card `id`.
    pub(crate) fn new(id: Name, text: String) -> Self {
        Self { id, text }
    }

    /// Reads the card in `path`: under `id`, else the file's own, else its stem.
    pub(crate) fn load(path: &Path, id: Option<&Name>) -> Result<Self, Failure> {
        let action = || format!("read the rate card `{}`", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| Failure::to(action(), error))?;
        let named: Named =
            serde_json::from_str(&text).map_err(|error| Failure::to(action(), error))?;
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let id = match id {
            Some(id) => id.clone(),
            None => {
                let id = named.id.or(stem).unwrap_or_default();
                Name::in_path(&id)
                    .map_err(|error| Failure::to(action(), format!("its id `{id}` {error}")))?
            }
        };
        Ok(Self { id, text })
    }

    /// Puts the card on the server unless its newest version says the same
    /// already. A put whose answer is lost is looked up before it is repeated,
    /// so no version is made twice. Operations that it lacks are dropped where it is to
    /// `replace` the version before.
    pub(crate) async fn ensure(&self, client: &Client, replace: bool) -> Result<Standing, Failure> {
        let path = format!("/rate-cards/{}", self.id);
        let replace = replace.then_some("true");
        let put = Call::put(target(&path, &[("replace", replace)]), self.text.as_str());
        let mut attempt = 1;
        loop {
            let newest: Option<RateCardVersion> = client.find(&Call::get(path.as_str())).await?;
            if let Some(newest) = newest
                && self.says_the_same(&newest)?
            {
                return Ok(self.standing(&newest, attempt > 1));
            }
            let error = match client.send_with::<RateCardPut>(&put, Patience::ONCE).await {
                Ok(made) => return Ok(self.made(&made)),
                Err(error) => error,
            };
            let pause = Patience::LONG
                .pause(attempt, None, random())
                .filter(|_| error.is_transient());
            let Some(pause) = pause else {
                return Err(error.into());
            };
            tokio::time::sleep(pause).await;
            attempt = attempt.saturating_add(1);
        }
    }

    /// What it says, however it is written. A text that is no rate card says nothing; the
    /// server then tells why.
    pub(crate) fn content(&self) -> Result<Option<Content>, Failure> {
        let Some(new) = self.parsed() else {
            return Ok(None);
        };
        let from = new.effective_from;
        let card = new.into_card(1, 0, Instant::EPOCH);
        let prices = encode(&RateCardVersion::new(&card, None).changeable())?;
        Ok(Some(Content { from, prices }))
    }

    fn says_the_same(&self, version: &RateCardVersion) -> Result<bool, Failure> {
        let held = Content::of(version)?;
        let takes_away = |new: NewCard| new.into_card(1, 0, Instant::EPOCH).replaced;
        let replaces = self.parsed().map(takes_away).unwrap_or_default();
        if !replaces.is_subset(&version.replaced) {
            return Ok(false);
        }
        let says_it = |own: Content| {
            // From now on, if it does not say from when: so it is to price now.
            let is_now = own.from.is_some() || version.in_force == Some(version.version);
            is_now && own.is_in(&held)
        };
        Ok(self.content()?.is_some_and(says_it))
    }

    /// What it says, if it is a rate card.
    pub(crate) fn parsed(&self) -> Option<NewCard> {
        parse_card(self.id.as_str(), self.text.as_bytes()).ok()
    }

    fn standing(&self, card: &RateCardVersion, is_new: bool) -> Standing {
        Standing {
            id: self.id.clone(),
            version: card.version,
            is_new,
            warnings: Vec::new(),
        }
    }

    fn made(&self, made: &RateCardPut) -> Standing {
        let warnings = made.warnings.iter();
        Standing {
            warnings: warnings.map(|warning| warning.detail.clone()).collect(),
            ..self.standing(&made.card, true)
        }
    }
}

/// Names the card first of those that price for `tenant`, before those that did.
pub(crate) async fn name_first(client: &Client, tenant: &Name, card: &Name) -> Result<(), Failure> {
    let path = format!("/tenants/{tenant}");
    let held: Option<Tenant> = client.find(&Call::get(path.as_str())).await?;
    let named = match held.as_ref().and_then(|held| held.rate_cards.clone()) {
        Some(cards) => cards,
        None => {
            let defaults: DefaultsAnswer = client.send(&Call::get("/defaults")).await?;
            defaults.rate_cards
        }
    };
    let Some(cards) = with_first(&named, card) else {
        return Ok(());
    };
    let body = encode(&Cards { rate_cards: &cards })?;
    let call = match held {
        Some(held) => Call::patch(path, body).if_version(held.version),
        None => Call::put(path, body),
    };
    let _: Tenant = client.send(&call).await?;
    Ok(())
}

/// Names the card first of those that price for tenants that name none.
pub(crate) async fn name_first_for_all(client: &Client, card: &Name) -> Result<(), Failure> {
    let held: DefaultsAnswer = client.send(&Call::get("/defaults")).await?;
    let Some(cards) = with_first(&held.rate_cards, card) else {
        return Ok(());
    };
    let body = encode(&Cards { rate_cards: &cards })?;
    let call = Call::patch("/defaults", body).if_version(held.version.into());
    let _: DefaultsAnswer = client.send(&call).await?;
    Ok(())
}

/// The cards with `first` before all others; `None` where it is so already.
fn with_first(cards: &[Name], first: &Name) -> Option<Vec<Name>> {
    if cards.first() == Some(first) {
        return None;
    }
    let others = cards.iter().filter(|card| *card != first);
    Some([first].into_iter().chain(others).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    fn version(operations: Value) -> RateCardVersion {
        let card = json!({"id":"c","version":2,"in_force":2,"currency":"USD",
            "effective_from":"2026-01-01T00:00:00Z","tiers":{"standard":"1"},
            "unpriced":"reject","operations":operations,"replaced":[1],"source":null});
        from_value(card).unwrap()
    }

    #[test]
    fn a_text_says_the_same_however_it_is_written() {
        let id = Name::new("c").unwrap();
        let same = |text: &str, operations: Value| {
            let card = CardText::new(id.clone(), text.to_owned());
            card.says_the_same(&version(operations)).unwrap()
        };
        let prices = json!({"x":{"token_in":{"amount":"2.5","per":1_000_000},"unit":"0"}});
        let text = r#"{"operations":{"x":{"unit":0.0,"token_in":{"per":1e6,"amount":2.50}}},
            "currency":"USD"}"#;
        assert!(same(text, prices.clone()));
        assert!(!same(text, json!({"x":{"unit":"0"}})));
        let from = |from: &str| text.replacen('{', &format!(r#"{{"effective_from":"{from}","#), 1);
        assert!(same(&from("2026-01-01T01:00:00+01:00"), prices.clone()));
        assert!(!same(&from("2026-01-02T00:00:00Z"), prices.clone()));
        let replacing =
            |version: u32| text.replacen('{', &format!(r#"{{"replaces":[{version}],"#), 1);
        assert!(same(&replacing(1), prices.clone()));
        assert!(!same(&replacing(2), prices.clone()));
        assert!(!same("{}", prices));
    }

    #[test]
    fn the_first_of_cards_is_named_once() {
        let names =
            |list: &[&str]| -> Vec<Name> { list.iter().map(|id| Name::new(id).unwrap()).collect() };
        let first = Name::new("b").unwrap();
        assert_eq!(with_first(&names(&["b", "a"]), &first), None);
        for (cards, expected) in [
            (&["a"][..], &["b", "a"][..]),
            (&["a", "b"], &["b", "a"]),
            (&[], &["b"]),
        ] {
            assert_eq!(with_first(&names(cards), &first), Some(names(expected)));
        }
    }
}
