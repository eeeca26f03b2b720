//! Models of genai-prices, their dates, and what to call them.

use crate::import::node::{Members, Node};
use std::collections::BTreeMap;

/// A model of one provider.
#[derive(Debug)]
pub(super) struct Model<'a> {
    /// `provider/id`.
    pub(super) full: String,
    id: String,
    prices: Vec<Term<'a>>,
    variants: Vec<Variant<'a>>,
}

/// Prices and when they hold.
#[derive(Debug)]
struct Term<'a> {
    when: When,
    prices: Members<'a>,
}

/// Prices of requests of one kind, in the place of the others.
#[derive(Debug)]
pub(super) struct Variant<'a> {
    /// What kind.
    pub(super) kind: String,
    term: Term<'a>,
}

/// When prices hold.
#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    Always,
    /// From the start of this day on, UTC.
    Since(String),
    /// Hours of the day, or what is not understood.
    Otherwise,
}

impl When {
    fn of(constraint: Option<Node<'_>>) -> Self {
        let Some(constraint) = constraint.filter(|constraint| !constraint.is_null()) else {
            return Self::Always;
        };
        let date = constraint
            .members()
            .and_then(|own| own.get("start_date")?.text());
        date.filter(|date| is_date(date))
            .map_or(Self::Otherwise, Self::Since)
    }

    /// Whether it is on `day`, `None` being before all days.
    fn holds(&self, day: Option<&str>) -> bool {
        match self {
            Self::Always => true,
            Self::Since(date) => day.is_some_and(|day| date.as_str() <= day),
            Self::Otherwise => false,
        }
    }
}

fn is_date(text: &str) -> bool {
    let mut parts = text
        .split('-')
        .map(|part| (part.len(), part.parse::<u16>().ok()));
    matches!(
        (parts.next(), parts.next(), parts.next(), parts.next()),
        (
            Some((4, Some(_))),
            Some((2, Some(1..=12))),
            Some((2, Some(1..=31))),
            None
        )
    )
}

impl<'a> Model<'a> {
    /// Reads the models of a provider; `None` if it is none.
    pub(super) fn of_provider(provider: Node<'a>) -> Option<Vec<Self>> {
        let members = provider.members()?;
        let provider = members.get("id")?.text()?;
        let models = members.get("models")?.elements()?;
        models
            .into_iter()
            .map(|model| Self::of(&provider, model))
            .collect()
    }

    fn of(provider: &str, model: Node<'a>) -> Option<Self> {
        let members = model.members()?;
        let id = members.get("id")?.text()?;
        let prices = members.get("prices")?;
        let prices = match prices.elements() {
            Some(terms) => terms.into_iter().map(Term::of).collect::<Option<_>>()?,
            None => vec![Term {
                when: When::Always,
                prices: prices.members()?,
            }],
        };
        let variants = members.get("price_variants").and_then(|all| all.elements());
        let variants = variants.into_iter().flatten().map(Variant::of);
        Some(Self {
            full: format!("{provider}/{id}"),
            id,
            prices,
            variants: variants.collect::<Option<_>>()?,
        })
    }

    /// The days on which its prices change.
    pub(super) fn days(&self) -> impl Iterator<Item = &str> {
        let variants = self.variants.iter().map(|variant| &variant.term);
        let terms = self.prices.iter().chain(variants);
        terms.filter_map(|term| match &term.when {
            When::Since(date) => Some(date.as_str()),
            When::Always | When::Otherwise => None,
        })
    }

    /// Whether some of its prices hold at times that no date says.
    pub(super) fn has_hours(&self) -> bool {
        let variants = self.variants.iter().map(|variant| &variant.term);
        let mut terms = self.prices.iter().chain(variants);
        terms.any(|term| term.when == When::Otherwise)
    }

    /// Its prices on `day`: the last that hold, else the first.
    pub(super) fn prices_on(&self, day: Option<&str>) -> Option<&Members<'a>> {
        let holding = self.prices.iter().rfind(|term| term.when.holds(day));
        Some(&holding.or(self.prices.first())?.prices)
    }

    /// Its variants that hold on `day`.
    pub(super) fn variants_on(&self, day: Option<&str>) -> impl Iterator<Item = &Variant<'a>> {
        self.variants
            .iter()
            .filter(move |variant| variant.term.when.holds(day))
    }

    /// Whether a price of it is not 0.
    pub(super) fn is_priced(&self) -> bool {
        self.fields().any(|(_, value)| value.is_not_zero())
    }

    /// Whether a price of tokens of it is not 0.
    pub(super) fn is_token_priced(&self) -> bool {
        self.fields()
            .any(|(field, value)| field.ends_with("_mtok") && value.is_not_zero())
    }

    /// Whether it has no price at all.
    pub(super) fn is_empty(&self) -> bool {
        self.fields().next().is_none()
    }

    fn fields(&self) -> impl Iterator<Item = (&String, &Node<'a>)> {
        self.prices.iter().flat_map(|term| term.prices.iter())
    }
}

impl<'a> Term<'a> {
    fn of(term: Node<'a>) -> Option<Self> {
        let members = term.members()?;
        Some(Self {
            when: When::of(members.get("constraint").copied()),
            prices: members.get("prices")?.members()?,
        })
    }
}

impl<'a> Variant<'a> {
    fn of(variant: Node<'a>) -> Option<Self> {
        let when = variant.members()?.get("when")?.members()?;
        let values: Option<Vec<_>> = when.into_values().map(Node::text).collect();
        Some(Self {
            kind: values?.join("+"),
            term: Term::of(variant)?,
        })
    }

    /// Its prices.
    pub(super) fn prices(&self) -> &Members<'a> {
        &self.term.prices
    }
}

/// What to call each of `models`: its id where no other provider has it and an operation
/// can have that name, else `provider/id`. An id that is also the `provider/id` of another,
/// as a reseller's are, has its own provider before it.
pub(super) fn names(models: &[Model<'_>]) -> Vec<String> {
    let mut uses = BTreeMap::<&str, usize>::new();
    for model in models {
        for name in [&model.id, &model.full] {
            let count = uses.entry(name).or_default();
            *count = count.saturating_add(1);
        }
    }
    let starts = |id: &str| id.starts_with(|first: char| first.is_ascii_alphanumeric());
    let named = models.iter().map(|model| {
        let is_alone = uses.get(model.id.as_str()) == Some(&1);
        let name = if is_alone && starts(&model.id) {
            &model.id
        } else {
            &model.full
        };
        name.clone()
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(text: &str) -> Vec<Model<'_>> {
        let providers = Node::parse(text).unwrap().elements().unwrap();
        let models = providers
            .into_iter()
            .map(|one| Model::of_provider(one).unwrap());
        models.flatten().collect()
    }

    #[test]
    fn an_id_of_one_provider_is_the_name() {
        let text = r#"[
            {"id": "openai", "models": [{"id": "gpt", "prices": {}}, {"id": "o1", "prices": {}}]},
            {"id": "azure", "models": [{"id": "gpt", "prices": {}}]},
            {"id": "openrouter", "models": [{"id": "openai/gpt", "prices": {}},
                {"id": "~x", "prices": {}}]}]"#;
        let expected = [
            "openai/gpt",
            "o1",
            "azure/gpt",
            "openrouter/openai/gpt",
            "openrouter/~x",
        ];
        assert_eq!(names(&models(text)), expected);
    }

    #[test]
    fn the_last_prices_that_hold_are_the_ones() {
        let text = r#"[{"id": "p", "models": [{"id": "m", "prices": [
            {"prices": {"a": 1}},
            {"constraint": {"start_date": "2026-08-17"}, "prices": {"b": 1}},
            {"constraint": {"start_time": "01:00", "end_time": "04:00"}, "prices": {"c": 1}}
        ]}]}]"#;
        let models = models(text);
        let field = |day| {
            models[0]
                .prices_on(day)
                .unwrap()
                .keys()
                .next()
                .unwrap()
                .clone()
        };
        assert_eq!(field(None), "a");
        assert_eq!(field(Some("2026-08-16")), "a");
        assert_eq!(field(Some("2026-08-17")), "b");
        assert!(models[0].has_hours());
        assert_eq!(models[0].days().collect::<Vec<_>>(), ["2026-08-17"]);
    }

    #[test]
    fn dates_are_years_months_and_days() {
        for (text, expected) in [
            ("2026-08-17", true),
            ("2026-8-17", false),
            ("2026-13-01", false),
            ("2026-08-17T00:00:00Z", false),
            ("", false),
        ] {
            assert_eq!(is_date(text), expected, "{text}");
        }
    }
}
