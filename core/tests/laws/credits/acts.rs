//! What clients, time and operators do to credit, beside what the model expects.

use super::model::{Draws, Held};
use super::world::{World, costing, tenant};
use crate::given::event;
use tollgate_core::{
    Actual, Amount, Asked, Closing, Currency, Decision, Draft, Event, Hold, HoldState, Instant,
    Key, Mode, Objection, OpenHold, Ruling, Settled, Standing, Taking, Voidable, Write, capture,
    capture_reads, expire, plan, release, table, take, void,
};

/// What a client does, or time, or an operator.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Record {
        cost: i128,
        days_ago: i64,
        mode: Mode,
        reads: bool,
    },
    Void(usize),
    Take {
        id: u8,
        cost: i128,
        days_ago: i64,
        reads: bool,
    },
    Capture {
        id: u8,
        cost: i128,
        reads: bool,
    },
    Release(u8),
    Sweep,
    Grant {
        amount: i128,
        priority: u32,
        days: Option<i64>,
    },
    /// With periods that begin at a day of the month.
    Subscribe(u32, Option<i128>),
    Unsubscribe,
    Wait(i64),
}

/// How long holds live.
const TTL: u32 = 5 * 86_400;

impl World {
    pub(super) fn act(&mut self, act: &Act) {
        match act {
            Act::Record {
                cost,
                days_ago,
                mode,
                reads,
            } => self.record((*cost, *days_ago), *mode, *reads),
            Act::Void(place) => self.void(*place),
            Act::Take {
                id,
                cost,
                days_ago,
                reads,
            } => self.take(*id, (*cost, *days_ago), *reads),
            Act::Capture { id, cost, reads } => self.capture(*id, *cost, *reads),
            Act::Release(id) => self.release(*id),
            Act::Sweep => self.sweep(),
            Act::Grant {
                amount,
                priority,
                days,
            } => self.grant(*amount, *priority, *days),
            Act::Subscribe(day, allowance) => self.subscribe(*day, *allowance),
            Act::Unsubscribe => self.unsubscribe(),
            Act::Wait(hours) => self.now = self.now.plus_seconds(*hours * 3600),
        }
    }

    /// Plans on nothing, unless it `reads`, and where that is refused on what is
    /// read: a denial rests on a reading.
    fn settle<T>(
        &mut self,
        (reads, read): (bool, &Standing),
        plan: impl Fn(&Self, &Standing) -> (T, Vec<Write>),
    ) -> (T, bool) {
        if !reads {
            let (planned, writes) = plan(self, &Standing::new());
            if !writes.is_empty() && self.commit(&writes) {
                return (planned, true);
            }
        }
        let (planned, writes) = plan(self, read);
        let happened = self.commit(&writes);
        (planned, happened)
    }

    fn standing(&self, draft: &Draft) -> Standing {
        let drafts = std::slice::from_ref(draft);
        self.read(self.rules.counters(drafts, Mode::Enforce, self.now))
    }

    /// Whether credit covers the event, and how it is drawn if it is recorded. If
    /// it does not, `ruling` says what lacks.
    fn expected(&self, draft: &Draft, ruling: &Ruling, mode: Mode) -> (Decision, Draws) {
        let (time, cost) = (draft.event.timestamp, draft.priced.cost.units());
        if !self.model.is_prepaid() {
            return (Decision::Allow, Vec::new());
        }
        let (draws, short) = self.model.charge(time, self.now, cost);
        if short == 0 {
            return (Decision::Allow, draws);
        }
        let sources = self.model.sources(time, self.now);
        let whole = sources.iter().map(|(_, amount)| amount).sum::<i128>();
        let lacking = Objection::Credit {
            capacity: whole,
            taken: whole - (cost - short),
            requested: cost,
            currency: Currency::USD,
        };
        assert_eq!(ruling.objections, [lacking]);
        let draws = match mode {
            Mode::Enforce => Vec::new(),
            Mode::Observe => self.model.charge_all(time, self.now, cost),
        };
        (Decision::Deny, draws)
    }

    pub(super) fn record(&mut self, (cost, days): (i128, i64), mode: Mode, reads: bool) {
        self.pages += 1;
        let event = costing(&format!("e{}", self.pages), self.days_ago(days), cost);
        let (draft, page) = (self.draft(&event), format!("P{}", self.pages));
        let standing = self.standing(&draft);
        let (planned, happened) = self.settle((reads, &standing), |world, standing| {
            let tenant = tenant();
            let at = world.circumstances((&tenant, &page), mode, standing);
            let planned = plan(&world.rules, std::slice::from_ref(&draft), at).unwrap();
            let writes = planned.writes.clone();
            (planned, writes)
        });
        assert!(happened);
        let ruling = &planned.events[0].ruling;
        let (decision, draws) = self.expected(&draft, ruling, mode);
        assert_eq!(ruling.decision, decision);
        let sources = self.model.sources(event.timestamp, self.now);
        let is_first = |(source, _): &(_, _)| sources.first().is_some_and(|(of, _)| of == source);
        assert_eq!(planned.is_pressed, !draws.iter().all(is_first));
        let is_recorded = decision == Decision::Allow || mode == Mode::Observe;
        assert_eq!(planned.writes.is_empty(), !is_recorded);
        if is_recorded {
            let marker = self.marker(&event.id);
            self.assert_drawn(&marker.draws, &draws, false);
            self.booked(&event, draws);
        }
    }

    fn booked(&mut self, event: &Event, draws: Draws) {
        self.recorded
            .push((event.id.clone(), self.model.events.len()));
        self.model.events.push(draws);
    }

    /// Takes back one of what is recorded; what voids it is voided by nothing.
    pub(super) fn void(&mut self, place: usize) {
        let Some(place) = place.checked_rem(self.recorded.len()) else {
            return;
        };
        let (id, number) = self.recorded.remove(place);
        let marker = self.marker(&id);
        let voidable = Voidable {
            stored: self.stored(&marker),
            currency: Currency::USD,
            draws: marker.draws,
            marked_until: None,
        };
        self.pages += 1;
        let (tenant, page, nothing) = (tenant(), format!("P{}", self.pages), Standing::new());
        let at = self.circumstances((&tenant, &page), Mode::Observe, &nothing);
        let voided = void(&self.rules, &voidable, at).unwrap();
        assert!(self.commit(&voided.writes));
        self.model.events[number].clear();
    }

    /// An estimate at this cost, of so many days ago.
    fn estimate(&self, id: u8, (cost, days): (i128, i64)) -> (Draft, Asked) {
        let event = costing(&format!("h{id}"), self.days_ago(days), cost);
        let asked = Asked::new(&event, true, TTL, false);
        (self.draft(&event), asked)
    }

    fn taking(&self, (draft, asked): &(Draft, Asked), standing: &Standing) -> Taking {
        let tenant = tenant();
        let at = self.circumstances((&tenant, ""), Mode::Enforce, standing);
        take(&self.rules, draft, *asked, None, at).unwrap()
    }

    /// What takes a hold on nothing that was read.
    pub(super) fn blind_take(&self, id: u8, cost: i128) -> Vec<Write> {
        let taking = self.taking(&self.estimate(id, (cost, 0)), &Standing::new());
        taking.taken.unwrap().writes
    }

    pub(super) fn take(&mut self, id: u8, of: (i128, i64), reads: bool) {
        let estimate = self.estimate(id, of);
        let (draft, standing) = (estimate.0.clone(), self.standing(&estimate.0));
        let (taking, happened) = self.settle((reads, &standing), |world, standing| {
            let taking = world.taking(&estimate, standing);
            let writes = taking.taken.as_ref().map(|taken| taken.writes.clone());
            (taking, writes.unwrap_or_default())
        });
        let (decision, draws) = self.expected(&draft, &taking.ruling, Mode::Enforce);
        assert_eq!(taking.ruling.decision, decision);
        assert_eq!(taking.taken.is_some(), decision == Decision::Allow);
        let is_new = !self.model.holds.contains_key(&id);
        if taking.taken.is_some() {
            assert_eq!(happened, is_new);
        }
        if taking.taken.is_some() && is_new {
            let held = Held {
                draws,
                closed: None,
                expires: self.now.plus_seconds(i64::from(TTL)),
            };
            self.model.holds.insert(id, held);
        }
    }

    /// How a capture at `cost` is drawn: of what is held the first, then as what
    /// has happened; all of it so where nothing is held any more.
    fn captured(&self, held: &Held, time: Instant, cost: i128) -> Draws {
        let (mut draws, mut left) = (Draws::new(), cost);
        for (source, amount) in held.draws.iter().filter(|_| held.closed.is_none()) {
            let kept = left.min(*amount);
            left -= kept;
            draws.extend((kept > 0).then(|| (self.model.stands_in(source), kept)));
        }
        // While it is open it holds what it holds, and no one draws on that.
        draws.extend(self.model.charge_all(time, self.now, left));
        draws
    }

    /// What a hold is captured with, at this cost.
    fn actual(&self, hold: &Hold, cost: i128) -> Draft {
        let mut actual = Actual {
            id: None,
            timestamp: None,
            operation: None,
            tier: None,
            event: event("x", "x"),
        };
        actual.event.cost_override = Amount::from_units(cost);
        self.draft(&actual.of(hold).unwrap())
    }

    fn capturing(&self, (hold, draft): &(Hold, Draft), standing: &Standing) -> Settled {
        let (tenant, page) = (tenant(), format!("P{}", self.pages));
        let at = self.circumstances((&tenant, &page), Mode::Observe, standing);
        capture(&self.rules, hold, draft, at).unwrap()
    }

    /// What captures a hold on nothing that was read.
    pub(super) fn blind_capture(&self, id: u8, cost: i128) -> Vec<Write> {
        let hold = self.hold(id).unwrap();
        let draft = self.actual(&hold, cost);
        self.capturing(&(hold, draft), &Standing::new()).writes
    }

    pub(super) fn capture(&mut self, id: u8, cost: i128, reads: bool) {
        let Some(hold) = self.hold(id) else { return };
        let draft = self.actual(&hold, cost);
        self.pages += 1;
        let standing = self.read(capture_reads(&self.rules, &hold, &draft, self.now));
        let of = (hold, draft.clone());
        let (captured, happened) = self.settle((reads, &standing), |world, standing| {
            let settled = world.capturing(&of, standing);
            (settled.hold, settled.writes)
        });
        let held = self.model.holds[&id].clone();
        let may_be = matches!(held.closed, None | Some(HoldState::Expired));
        assert_eq!(happened, may_be);
        if happened {
            let Some(Closing::Captured { late, marker, .. }) = captured.closing else {
                panic!("captured")
            };
            assert_eq!(late, held.expires <= self.now);
            let draws = self.captured(&held, draft.event.timestamp, cost);
            self.assert_drawn(&marker.draws, &draws, false);
            assert_eq!(self.marker(&draft.event.id), *marker);
            self.close(id, HoldState::Captured);
            self.booked(&draft.event, draws);
        }
    }

    fn close(&mut self, id: u8, to: HoldState) {
        self.model.holds.get_mut(&id).unwrap().closed = Some(to);
    }

    pub(super) fn release(&mut self, id: u8) {
        let Some(hold) = self.hold(id) else { return };
        let released = release(&self.rules, &tenant(), &hold, self.now).unwrap();
        let is_open = self.model.holds[&id].closed.is_none();
        assert_eq!(self.commit(&released.writes), is_open);
        if is_open {
            self.close(id, HoldState::Released);
        }
    }

    /// All whose time is over expire together.
    pub(super) fn sweep(&mut self) {
        let (pk, by) = (table::open_holds(&tenant()), table::due_by(self.now));
        let entries = self
            .items
            .iter()
            .filter(|(key, _)| key.pk == pk && key.sk < by);
        let read = |(key, attrs): (&Key, _)| OpenHold::from_attrs(&key.sk, attrs).unwrap();
        let due: Vec<OpenHold> = entries.map(read).collect();
        let expiring = expire(&self.rules, &tenant(), &due, self.now).unwrap();
        assert_eq!(expiring.holds, due.len());
        assert!(self.commit(&expiring.writes));
        let now = self.now;
        let holds = self.model.holds.values_mut();
        let open = holds.filter(|held| held.closed.is_none() && held.expires <= now);
        open.for_each(|held| held.closed = Some(HoldState::Expired));
    }
}
