//! A run as one JSON object.

use super::mapping::Mapping;
use super::report::{Report, per_second};
use super::run::Ran;
use super::tally::Tally;
use crate::rate_card::Standing;
use serde::Serialize;
use tollgate_core::{Amount, Currency, Name};

/// What a run did, and with what.
#[derive(Serialize)]
pub(crate) struct Told<'a> {
    file: &'a str,
    tenant_id: &'a str,
    mode: &'static str,
    mapping: &'a Mapping,
    rate_card: Option<ToldCard<'a>>,
    shift_seconds: i64,
    backfill: bool,
    rows: u64,
    events: u64,
    complete: bool,
    recorded: u64,
    replayed: u64,
    rejected: u64,
    past_limits: u64,
    tokens_in: u64,
    tokens_out: u64,
    cost: Amount,
    cost_recorded: Amount,
    currency: Option<Currency>,
    elapsed_ms: u64,
    events_per_second: u64,
    rejections: Vec<Rejection<'a>>,
}

#[derive(Serialize)]
struct ToldCard<'a> {
    id: &'a Name,
    version: u32,
    put: bool,
}

#[derive(Serialize)]
struct Rejection<'a> {
    row: u64,
    event_id: &'a str,
    status: u16,
    code: &'a str,
    reason: String,
}

impl Report<'_> {
    /// What came of it, as JSON.
    pub(crate) fn told<'a>(&'a self, ran: &'a Ran) -> Told<'a> {
        let tally = &ran.tally;
        Told {
            file: &self.file,
            tenant_id: self.tenant,
            mode: self.mode,
            mapping: self.mapping,
            rate_card: self.card.as_ref().map(told_card),
            shift_seconds: self.shift.seconds,
            backfill: self.backfill,
            rows: self.rows,
            events: tally.sent(),
            complete: ran.stop.is_none(),
            recorded: tally.recorded,
            replayed: tally.replayed,
            rejected: tally.rejected,
            past_limits: tally.past_limits,
            tokens_in: tally.tokens_in,
            tokens_out: tally.tokens_out,
            cost: tally.cost,
            cost_recorded: tally.cost_recorded,
            currency: tally.currency,
            elapsed_ms: u64::try_from(ran.elapsed.as_millis()).unwrap_or(u64::MAX),
            events_per_second: per_second(tally.sent(), ran.elapsed),
            rejections: rejections(tally),
        }
    }
}

fn told_card(card: &Standing) -> ToldCard<'_> {
    ToldCard {
        id: &card.id,
        version: card.version,
        put: card.is_new,
    }
}

fn rejections(tally: &Tally) -> Vec<Rejection<'_>> {
    let shown = tally.rejections.iter();
    let rejections = shown.map(|(row, (id, problem))| Rejection {
        row: *row,
        event_id: id,
        status: problem.status,
        code: &problem.code,
        reason: problem.reason(),
    });
    rejections.collect()
}
