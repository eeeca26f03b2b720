//! Prices through the years: whatever was put when, by whichever clock, every
//! process prices as one that holds every version.

use crate::chance::Chance;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::{Card, Catalog, Currency, Event, ExchangeTable, Instant, Name};
use tollgate_service::{Actor, CardPut, Memory, Options, Service, Submission, Tenancy};
use tollgate_tests::TestApp;

const DAY: i64 = 86_400;
/// More than one put moves to the past.
const CARDS: u64 = 24;

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn operator() -> Actor {
    Actor::unconditional("operator")
}

fn card(id: u64, price: u64) -> Card {
    let body =
        json!({ "currency": "USD", "operations": { format!("op-{}", id % 4): { "unit": price } } });
    let id = format!("card-{id}");
    let new = tollgate_api::parse_card(&id, body.to_string().as_bytes()).expect("a card");
    new.into_card(0, 0, Instant::EPOCH)
}

fn put_of(id: u64, price: u64, effective_from: Option<Instant>) -> CardPut {
    CardPut {
        card: card(id, price),
        effective_from,
        replace: true,
    }
}

fn rates(base: &str, rate: u64) -> ExchangeTable {
    let other = if base == "EUR" { "USD" } else { "EUR" };
    let body: Value = json!({ "base": base, "rates": { other: rate } });
    let new = tollgate_api::parse_exchange(body.to_string().as_bytes()).expect("rates");
    new.into_table(0, 0, Instant::EPOCH)
}

/// A deployment, and every version ever put in it.
struct History {
    store: Arc<Memory>,
    tenancy: Tenancy,
    /// A process that lives on.
    warm: TestApp,
    whole: Catalog,
}

impl History {
    async fn begin(tenancy: Tenancy) -> Self {
        let store = Arc::new(Memory::default());
        let warm = TestApp::over(store.clone(), tenancy);
        for (tenant, settings) in [
            ("euro", json!({ "currency": "EUR", "retention_days": 4000 })),
            (
                "dollar",
                json!({ "currency": "USD", "retention_days": 4000 }),
            ),
        ] {
            warm.put(&format!("/tenants/{tenant}"), settings)
                .await
                .expect(200);
        }
        let mut history = Self {
            store,
            tenancy,
            warm,
            whole: Catalog::built_in(),
        };
        history.name_all().await;
        history
    }

    /// Puts each card once and names all of them, the last first.
    async fn name_all(&mut self) {
        let (service, actor) = (self.warm.service(), operator());
        let mut named = Vec::new();
        for id in (0..CARDS).rev() {
            let put = service.put_card(put_of(id, 1, None), &actor).await;
            let card = put.expect("a card").card;
            named.push(card.id.clone());
            self.whole.insert(card);
        }
        let defaults = service.put_defaults(&named, &actor).await;
        self.whole.set_defaults(defaults.expect("defaults"));
    }

    /// A time near now or long ago.
    fn time(&self, chance: &mut Chance) -> Instant {
        let now = self.warm.service().now();
        let span = [40, 200, 900][usize::try_from(chance.below(3)).expect("a place")];
        let hours = i64::try_from(chance.below(span * 24)).expect("hours");
        now.plus_seconds(-hours * 3_600)
    }

    async fn put(&mut self, service: &Service, chance: &mut Chance) {
        let (price, actor) = (1 + chance.below(90), operator());
        let from = match chance.below(4) {
            0 => Some(self.time(chance)),
            1 => Some(self.warm.service().now().plus_seconds(20 * DAY)),
            _ => None,
        };
        if chance.below(4) == 0 {
            let base = ["EUR", "USD"][usize::try_from(chance.below(2)).expect("a place")];
            let put = service.put_exchange(rates(base, price), from, &actor);
            self.whole.insert_exchange(put.await.expect("rates"));
        } else {
            // Few of many, so that some have many versions and others one.
            let id = chance.below(3) * chance.below(CARDS / 2);
            let put = service.put_card(put_of(id, price, from), &actor);
            self.whole.insert(put.await.expect("a card").card);
        }
    }

    /// A rise of all prices from one instant on.
    async fn put_all(&mut self, chance: &mut Chance) {
        let (from, actor) = (Some(self.time(chance)), operator());
        for id in 0..CARDS {
            let price = 1 + chance.below(90);
            let put = self
                .warm
                .service()
                .put_card(put_of(id, price, from), &actor);
            let put = put.await;
            self.whole.insert(put.expect("a card").card);
        }
    }

    /// What `service` says that events of all operations cost at `at`.
    async fn compare(&self, service: &Service, at: Instant) {
        for (tenant, currency) in [("euro", "EUR"), ("dollar", "USD")] {
            let currency: Currency = currency.parse().expect("a currency");
            let tenant = name(tenant);
            let event = |number: u32| {
                Event::new(
                    name(&format!("e-{number}")),
                    at,
                    name(&format!("op-{number}")),
                )
            };
            let events: Vec<Event> = (0..4).map(event).collect();
            let submissions: Vec<Submission> = events
                .iter()
                .map(|event| Submission {
                    event: event.clone(),
                    timestamp_given: true,
                })
                .collect();
            let options = Options {
                mode: tollgate_core::Mode::Enforce,
                age_seconds_max: 4_000 * DAY,
            };
            let told = service.judge(&tenant, &submissions, options);
            let told = told.await.expect("prices");
            for (event, told) in events.iter().zip(told) {
                let expected = self.whole.price(&[], Some(currency), event);
                let expected = expected.ok().filter(|priced| priced.currency == currency);
                assert_eq!(
                    told.ok(),
                    expected,
                    "{tenant} at {at}: {}",
                    event.dimensions.operation
                );
            }
        }
    }
}

async fn live(seed: u64, tenancy: Tenancy) {
    let mut chance = Chance::new(seed);
    let mut history = History::begin(tenancy).await;
    for _ in 0..60 {
        let warm = Arc::clone(&history.warm.app);
        match chance.below(12) {
            0 => history.put_all(&mut chance).await,
            // A process whose clock runs a year ahead, and is believed.
            1 if tenancy != Tenancy::Sole => {
                let fast = TestApp::over(history.store.clone(), tenancy);
                fast.clock.set(&history.warm.service().now().to_string());
                fast.clock.advance(365 * DAY);
                history.put(fast.service(), &mut chance).await;
            }
            2..=6 => history.put(&warm.service, &mut chance).await,
            _ => history
                .warm
                .clock
                .advance(DAY * (1 + i64::try_from(chance.below(30)).expect("days"))),
        }
        let at = history.time(&mut chance);
        history.compare(&warm.service, at).await;
        let now = history.warm.service().now();
        let cold = TestApp::over(history.store.clone(), history.tenancy);
        cold.clock.set(&now.to_string());
        for at in [history.time(&mut chance), now] {
            history.compare(cold.service(), at).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_process_prices_as_one_that_holds_every_version() {
    for seed in 0..24 {
        let settle = Duration::ZERO;
        live(seed, Tenancy::Shared { settle }).await;
        live(seed, Tenancy::Sole).await;
    }
}
