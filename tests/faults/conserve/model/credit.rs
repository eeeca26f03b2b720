//! What credit costs draw.

use super::tenant::{Draws, Grant, Model, Use};

impl Model {
    /// What is used and held of a source of credit, and the held part.
    pub(crate) fn drawn(&self, source: &str) -> (i128, i128) {
        let sum = |draws: &Draws| {
            draws
                .iter()
                .filter(|(of, _)| of == source)
                .map(|(_, amount)| amount)
                .sum::<i128>()
        };
        let used: i128 = self
            .facts
            .values()
            .filter(|fact| !fact.voided)
            .map(|fact| sum(&fact.draws))
            .sum();
        let held: i128 = self
            .holds
            .values()
            .filter(|hold| hold.end.is_none())
            .map(|hold| sum(&hold.draws))
            .sum();
        (used + held, held)
    }

    /// The allowance of the period that holds `at`.
    pub(crate) fn allowance_at(&self, at: &str) -> String {
        format!("allowance:{}", self.calendar.window("period", at))
    }

    /// What `cost` draws: the allowance of the use's period, then grants in
    /// order; and what none covers.
    pub(super) fn charge(&self, used: &Use, cost: i128) -> (Draws, i128) {
        let allowance = self.allowance.filter(|_| !self.cancelled);
        if allowance.is_none() && self.grants.is_empty() {
            return (Vec::new(), 0);
        }
        let mut grants: Vec<&Grant> = self
            .grants
            .iter()
            .filter(|grant| used.at < grant.expires)
            .collect();
        grants.sort();
        let period = |at: &str| self.calendar.window("period", at);
        let since = self.since.as_ref();
        let began = since.is_some_and(|since| period(since) <= period(&used.at));
        let first = allowance
            .filter(|_| began)
            .map(|amount| (self.allowance_at(&used.at), amount));
        let (mut draws, mut left) = (Draws::new(), cost);
        for (source, capacity) in first.into_iter().chain(
            grants
                .iter()
                .map(|grant| (format!("grant:{}", grant.id), grant.amount)),
        ) {
            let part = (capacity - self.drawn(&source).0).clamp(0, left);
            if part > 0 {
                draws.push((source, part));
                left -= part;
            }
        }
        (draws, left)
    }
}
