//! What clients, time and operators do to holds, beside what the model expects.

use super::model::{Held, amount_of};
use super::world::{World, limit, tenant, used};
use crate::given::{complete, event};
use std::sync::Arc;
use tollgate_core::{
    Actual, Asked, Closing, Config, Decision, Draft, Event, Hold, HoldState, Mode, OpenHold, Rules,
    capture, capture_reads, count_anew, expire, extend, plan, release, take,
};

/// What a client does, or time, or an operator.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Take {
        id: u8,
        agent: u8,
        yesterday: bool,
        tokens: u64,
        reads: bool,
    },
    Capture {
        id: u8,
        tokens: u64,
        reads: bool,
    },
    Release(u8),
    Extend(u8, u32),
    CountAnew(u8),
    /// The first so many of those whose time is over expire.
    Sweep(usize),
    Remember,
    /// All that is remembered expires, if it still stands so.
    SweepRemembered,
    Record {
        agent: u8,
        tokens: u64,
        mode: Mode,
        reads: bool,
    },
    /// New limits; whether their series are complete at once.
    Limit(Vec<(u8, i128)>, bool),
    Wait(i64),
}

impl World {
    pub(super) fn act(&mut self, act: &Act) {
        match act {
            Act::Take {
                id,
                agent,
                yesterday,
                tokens,
                reads,
            } => {
                let event = used(&format!("h{id}"), *agent, *yesterday, *tokens);
                self.take(*id, &event, *reads);
            }
            Act::Capture { id, tokens, reads } => self.capture(*id, *tokens, *reads),
            Act::Release(id) => self.release(*id),
            Act::Extend(id, seconds) => self.extend(*id, *seconds),
            Act::CountAnew(id) => self.count_anew(*id),
            Act::Sweep(most) => {
                let due: Vec<OpenHold> = self.due().into_iter().take(*most).collect();
                self.expire(&due);
            }
            Act::Remember => self.listed = self.list(),
            Act::SweepRemembered => self.expire(&self.listed.clone()),
            Act::Record {
                agent,
                tokens,
                mode,
                reads,
            } => self.record((*agent, *tokens), *mode, *reads),
            Act::Limit(limits, is_complete) => self.set_limits(limits, *is_complete),
            Act::Wait(seconds) => self.now = self.now.plus_seconds(*seconds),
        }
    }

    pub(super) fn set_limits(&mut self, limits: &[(u8, i128)], is_complete: bool) {
        let config = Config {
            limits: limits.iter().map(limit).collect(),
            ..Config::clone(self.rules.config())
        };
        let config = match is_complete {
            true => complete(config, self.now),
            false => config.renewed(self.now).unwrap(),
        };
        self.rules = Rules::new(Arc::new(config));
    }

    pub(super) fn take(&mut self, id: u8, event: &Event, reads: bool) {
        let draft = self.draft(event);
        let (standing, expected) = (self.standing(&draft), self.decision(event, Mode::Enforce));
        let asked = Asked::new(event, true, 600, false);
        let (taking, happened) = self.settle(reads, &standing, |world, standing| {
            let tenant = tenant();
            let at = world.circumstances((&tenant, ""), Mode::Enforce, standing);
            let taking = take(&world.rules, &draft, asked, None, at).unwrap();
            let writes = taking.taken.as_ref().map(|taken| taken.writes.clone());
            (taking, writes.unwrap_or_default())
        });
        assert_eq!(taking.ruling.decision, expected, "{event:?}");
        let Some(taken) = taking.taken else {
            return assert_eq!(expected, Decision::Deny);
        };
        // A blind plan is refused wherever a reading would deny.
        let is_new = !self.holds.contains_key(&id);
        assert_eq!(happened, is_new);
        if is_new {
            assert_eq!(self.hold(id), Some(taken.hold));
            let mut counted = self.counted(event);
            self.events.push(self.rated(event));
            // What is nothing is not held, but used: of no size.
            let nothing = &counted.places - &counted.nonzero();
            self.announce(event, &nothing);
            counted.places = counted.nonzero();
            let held = Held {
                counted,
                closed: None,
                expires: self.now.plus_seconds(600),
                version: 1,
            };
            self.holds.insert(id, held);
        }
    }

    /// What a hold is captured with.
    pub(super) fn actual(&self, hold: &Hold, tokens: u64) -> Draft {
        let mut actual = Actual {
            id: None,
            timestamp: None,
            operation: None,
            tier: None,
            event: event("x", "x"),
        };
        actual.event.quantities.tokens_out = tokens;
        self.draft(&actual.of(hold).unwrap())
    }

    pub(super) fn capture(&mut self, id: u8, tokens: u64, reads: bool) {
        let Some(hold) = self.hold(id) else { return };
        let draft = self.actual(&hold, tokens);
        self.pages += 1;
        let page = format!("P{}", self.pages);
        let standing = self.read(capture_reads(&self.rules, &hold, &draft, self.now));
        let (captured, happened) = self.settle(reads, &standing, |world, standing| {
            let tenant = tenant();
            let at = world.circumstances((&tenant, &page), Mode::Observe, standing);
            let settled = capture(&world.rules, &hold, &draft, at).unwrap();
            (settled.hold, settled.writes)
        });
        // What expired may still be captured.
        let held = self.holds[&id].clone();
        let may_be = matches!(held.closed, None | Some(HoldState::Expired));
        assert_eq!(happened, may_be);
        if happened {
            assert_eq!(self.hold(id), Some(captured.clone()));
            let Some(Closing::Captured { late, .. }) = captured.closing else {
                panic!("captured")
            };
            assert_eq!(late, held.closed.is_some() || held.expires <= self.now);
            self.closed(id, HoldState::Captured);
            let counted = self.booked(&held, &draft.event);
            for (measure, left, above) in hold.settlement(&draft.event, draft.priced.cost.units()) {
                let Some(used) = amount_of(&counted, &measure) else {
                    continue;
                };
                let held = amount_of(&held.counted, &measure).unwrap();
                assert_eq!(held - left + above, used);
                assert!(left >= 0 && above >= 0 && (left == 0 || above == 0));
            }
            let was_held = Some(&held.counted).filter(|_| held.closed.is_none());
            self.count(&draft.event, counted, was_held);
        }
    }

    fn closed(&mut self, id: u8, to: HoldState) {
        let held = self.holds.get_mut(&id).unwrap();
        held.closed = Some(to);
        held.version += 1;
    }

    pub(super) fn release(&mut self, id: u8) {
        let Some(hold) = self.hold(id) else { return };
        let is_open = self.holds[&id].closed.is_none();
        let released = release(&self.rules, &tenant(), &hold, self.now).unwrap();
        assert_eq!(self.commit(&released.writes), is_open);
        if is_open {
            assert_eq!(self.hold(id), Some(released.hold));
            self.closed(id, HoldState::Released);
        }
    }

    /// The first of `due` expire in one transaction, if all stand as listed.
    pub(super) fn expire(&mut self, due: &[OpenHold]) {
        let expiring = expire(&self.rules, &tenant(), due, self.now).unwrap();
        assert_eq!(expiring.holds, due.len(), "few holds fit one transaction");
        let number = |hold: &OpenHold| hold.id.as_str()[1..].parse::<u8>().unwrap();
        let stands = |hold: &OpenHold| {
            let held = &self.holds[&number(hold)];
            held.closed.is_none() && held.version == hold.version
        };
        let stand = due.iter().all(stands);
        assert_eq!(self.commit(&expiring.writes), stand);
        for hold in due.iter().filter(|_| stand) {
            self.closed(number(hold), HoldState::Expired);
        }
    }

    pub(super) fn extend(&mut self, id: u8, seconds: u32) {
        let Some(hold) = self.hold(id) else { return };
        let until = self.now.plus_seconds(i64::from(seconds));
        let Some(extended) = extend(&tenant(), &hold, seconds, self.now).unwrap() else {
            return assert!(until <= self.holds[&id].expires);
        };
        let is_open = self.holds[&id].closed.is_none();
        assert_eq!(self.commit(&extended.writes), is_open);
        if is_open {
            let held = self.holds.get_mut(&id).unwrap();
            (held.expires, held.version) = (until, held.version + 1);
        }
        // What was read before the extension ends nothing any more, nor moves it.
        let stale = release(&self.rules, &tenant(), &hold, self.now).unwrap();
        assert!(!self.commit(&stale.writes));
        let stale = extend(&tenant(), &hold, seconds + 1, self.now).unwrap();
        assert!(!self.commit(&stale.unwrap().writes));
    }

    pub(super) fn count_anew(&mut self, id: u8) {
        let Some(hold) = self.hold(id) else { return };
        let places = self.counted(&hold.estimate.event).nonzero();
        let held = self.holds[&id].clone();
        let is_missing = !places.is_subset(&held.counted.places);
        let anew = count_anew(&self.rules, &tenant(), &hold, self.now).unwrap();
        assert_eq!(anew.is_some(), is_missing);
        let Some(anew) = anew else { return };
        let is_open = held.closed.is_none();
        assert_eq!(self.commit(&anew.writes), is_open);
        if is_open {
            assert_eq!(self.hold(id), Some(anew.hold));
            let held = self.holds.get_mut(&id).unwrap();
            // It holds what is counted now, and nothing of limits that are gone.
            held.counted.places = places;
            held.version += 1;
        }
    }

    pub(super) fn record(&mut self, (agent, tokens): (u8, u64), mode: Mode, reads: bool) {
        self.pages += 1;
        let event = used(&format!("e{}", self.pages), agent, false, tokens);
        let (draft, page) = (self.draft(&event), format!("P{}", self.pages));
        let (standing, expected) = (self.standing(&draft), self.decision(&event, mode));
        let (planned, happened) = self.settle(reads, &standing, |world, standing| {
            let tenant = tenant();
            let at = world.circumstances((&tenant, &page), mode, standing);
            let planned = plan(&world.rules, std::slice::from_ref(&draft), at).unwrap();
            (planned.events[0].clone(), planned.writes)
        });
        assert!(happened);
        assert_eq!(planned.ruling.decision, expected);
        let is_recorded = expected == Decision::Allow || mode == Mode::Observe;
        assert_eq!(planned.answer.is_some(), is_recorded);
        if is_recorded {
            let counted = self.counted(&event);
            self.count(&event, counted, None);
            let rated = (mode == Mode::Enforce).then(|| self.rated(&event));
            self.events.extend(rated);
        }
    }
}
