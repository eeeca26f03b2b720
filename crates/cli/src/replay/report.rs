//! What a run prints.

use super::mapping::Mapping;
use super::run::{Ran, Stop};
use super::shift::{ACCEPTED_DAYS, Shift};
use super::tally::Tally;
use crate::failure::Failure;
use crate::output::grouped;
use crate::rate_card::Standing;
use std::time::Duration;
use tollgate_api::Kind;

/// What a run did, and with what.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// The file, as it was named.
    pub(crate) file: String,
    /// Who pays.
    pub(crate) tenant: &'a str,
    /// Which column filled which field.
    pub(crate) mapping: &'a Mapping,
    /// How many rows the file has.
    pub(crate) rows: u64,
    /// The rate card asked for, as it stands.
    pub(crate) card: Option<Standing>,
    /// How times were moved.
    pub(crate) shift: Shift,
    /// Whether events older than usual were sent.
    pub(crate) backfill: bool,
    /// `observe` or `enforce`.
    pub(crate) mode: &'static str,
    /// Whether batches are sealed.
    pub(crate) is_sealed: bool,
}

impl Report<'_> {
    /// What is known before the first event is sent.
    pub(crate) fn preface(&self) -> String {
        let mut lines = vec![
            format!(
                "{}: {} events of tenant {}, mode {}",
                self.file,
                grouped(self.rows),
                self.tenant,
                self.mode
            ),
            format!("mapping    {}", self.mapping),
        ];
        if self.is_sealed {
            let line = "sealed     batches count once as a whole; a changed file, or another --batch, is other events";
            lines.push(line.to_owned());
        }
        lines.extend(self.card.as_ref().map(card_line));
        match self.shift {
            Shift { seconds: 0, .. } => {}
            Shift {
                seconds,
                is_found: true,
            } => lines.push(format!("shift      {seconds} s, as an earlier run chose")),
            Shift {
                seconds,
                is_found: false,
            } => lines.push(format!("shift      {seconds} s")),
        }
        if self.backfill {
            lines.push(format!("backfill   events older than {ACCEPTED_DAYS} days"));
        }
        lines.join("\n")
    }

    /// What came of it.
    pub(crate) fn figures(&self, ran: &Ran) -> String {
        let tally = &ran.tally;
        let counts = [tally.recorded, tally.replayed, tally.rejected].map(grouped);
        let [recorded, replayed, rejected] = counts;
        let currency = tally
            .currency
            .as_ref()
            .map(|currency| format!(" {currency}"))
            .unwrap_or_default();
        let mut lines = vec![
            format!("events     {recorded} recorded, {replayed} replayed, {rejected} rejected"),
            format!(
                "tokens     {} in, {} out",
                grouped(tally.tokens_in),
                grouped(tally.tokens_out)
            ),
            format!(
                "cost       {}{currency}, of which {} recorded now",
                tally.cost, tally.cost_recorded
            ),
            format!(
                "rate       {} events/s over {}",
                grouped(per_second(tally.sent(), ran.elapsed)),
                seconds(ran.elapsed)
            ),
        ];
        if tally.past_limits > 0 {
            lines.push(format!(
                "limits     {} events counted past a hard limit",
                grouped(tally.past_limits)
            ));
        }
        lines.extend(
            tally
                .rejections
                .iter()
                .map(|(row, (_, problem))| format!("rejected   row {row}: {}", problem.reason())),
        );
        lines.join("\n")
    }

    /// Why the command fails although it ran: `None` when every event counts.
    pub(crate) fn failure(&self, ran: &Ran) -> Option<Failure> {
        let (sent, rows) = (grouped(ran.tally.sent()), grouped(self.rows));
        let sentence = match &ran.stop {
            None if ran.tally.rejected == 0 => return None,
            None => format!(
                "{} of {rows} events were rejected{}",
                grouped(ran.tally.rejected),
                first_reason(&ran.tally)
            ),
            Some(Stop::AllRefused) => {
                format!(
                    "every event of the first batch was refused, so none of the others was sent{}",
                    first_reason(&ran.tally)
                )
            }
            Some(Stop::Failed(error)) => {
                let reason = error.reason();
                let again = match error.is_transient() {
                    true => "; the same command goes on from there and counts nothing twice",
                    false => "",
                };
                format!("stopped after {sent} of {rows} events: {reason}{again}")
            }
        };
        Some(Failure::new(format!("{sentence}{}", self.hint(ran))))
    }

    /// What to do about it, where the cause is plain.
    fn hint(&self, ran: &Ran) -> String {
        let is_refused = ran.tally.rejected > ran.tally.denied
            || matches!(&ran.stop, Some(Stop::Failed(error)) if error.status() == Some(403));
        let is_other_run = ran
            .tally
            .rejections
            .values()
            .any(|(_, problem)| problem.code == Kind::EventIdReused.as_str());
        if is_other_run {
            "; an earlier run sent these rows with other options".to_string()
        } else if self.backfill && is_refused {
            format!(
                "; events older than {ACCEPTED_DAYS} days take an operator key and must be within the retention: --shift-to-now moves the file's times to now"
            )
        } else {
            String::new()
        }
    }
}

fn card_line(card: &Standing) -> String {
    let how = if card.is_new { "put now" } else { "unchanged" };
    format!("rate card  {} version {}, {how}", card.id, card.version)
}

fn first_reason(tally: &Tally) -> String {
    let first = tally.rejections.first_key_value();
    first
        .map(|(row, (_, problem))| format!(": row {row}: {}", problem.reason()))
        .unwrap_or_default()
}

/// Events per second, cut to a whole number.
pub(super) fn per_second(events: u64, elapsed: Duration) -> u64 {
    let millis = elapsed.as_millis().max(1);
    u64::try_from(u128::from(events).saturating_mul(1000) / millis).unwrap_or(u64::MAX)
}

fn seconds(elapsed: Duration) -> String {
    format!("{}.{:03} s", elapsed.as_secs(), elapsed.subsec_millis())
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
