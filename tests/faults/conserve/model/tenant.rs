//! A tenant as the rules alone describe it: facts in lists, and sums made anew
//! each time they are asked for.

use super::calendar::Calendar;
use super::told::Told;
use std::collections::{BTreeMap, BTreeSet};

/// 1 of the currency, in units of 1e-18.
pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;

/// What is used, or expected to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Use {
    /// When it happens, as text in UTC.
    pub(crate) at: String,
    pub(crate) agent: Option<String>,
    pub(crate) consumer: Option<String>,
    pub(crate) session: Option<String>,
    /// Of the server `srv`.
    pub(crate) tool: Option<String>,
    pub(crate) node: Option<String>,
    pub(crate) operation: String,
    pub(crate) tokens: i128,
    pub(crate) units: i128,
    pub(crate) cost: i128,
}

/// By source, how much was drawn.
pub(crate) type Draws = Vec<(String, i128)>;

/// A recorded event.
pub(crate) struct Fact {
    pub(crate) used: Use,
    /// Its node and all above it, as the tree stood.
    path: Vec<String>,
    pub(super) draws: Draws,
    pub(crate) voided: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Captured,
    Released,
    Expired,
}

pub(crate) struct Hold {
    pub(crate) estimate: Use,
    pub(super) draws: Draws,
    path: Vec<String>,
    pub(crate) expires: String,
    pub(crate) end: Option<End>,
}

/// What is counted: scope, the one of it, measure, window.
pub(crate) type Subject = (String, Option<String>, String, String);

/// A cap on a subject.
#[derive(Clone, Debug)]
pub(crate) struct Cap {
    pub(crate) of: Subject,
    pub(crate) soft: Option<i128>,
    pub(crate) hard: Option<i128>,
    /// Whether passing `soft` refuses.
    pub(crate) blocks: bool,
}

/// A subject since it is counted.
struct Count {
    of: Subject,
    calendar: Calendar,
    from: String,
}

impl Count {
    fn window(&self, at: &str) -> String {
        self.calendar.window(&self.of.3, at)
    }

    /// Whether the window of `at` had not ended when it began.
    fn reaches(&self, at: &str) -> bool {
        self.window(at) >= self.window(&self.from)
    }
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) parent: Option<String>,
    pub(crate) enabled: bool,
}

/// A grant of credit; they are drawn in the order of this.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    pub(crate) priority: u64,
    /// After all times, where it never expires.
    pub(crate) expires: String,
    pub(crate) granted: String,
    pub(crate) id: String,
    pub(crate) amount: i128,
}

/// Why something is refused.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Refusal {
    Money,
    Quantity,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) now: String,
    /// The last time of receipt before the clock was put back.
    pub(crate) stamped: String,
    pub(crate) calendar: Calendar,
    pub(crate) told: Told,
    pub(crate) facts: BTreeMap<String, Fact>,
    pub(crate) holds: BTreeMap<String, Hold>,
    /// By layer.
    pub(crate) caps: BTreeMap<&'static str, Vec<Cap>>,
    counts: Vec<Count>,
    pub(crate) tree: BTreeMap<String, Node>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) allowance: Option<i128>,
    /// When the tenant first subscribed, if it does: periods that had ended by
    /// then have no allowance.
    pub(crate) since: Option<String>,
    pub(crate) cancelled: bool,
}

impl Use {
    pub(crate) fn of(&self, measure: &str) -> i128 {
        match measure {
            "events" => 1,
            "tokens" => self.tokens,
            "spend" => self.cost,
            "units:search" if self.operation == "search" => self.units,
            "units:search" => 0,
            other => panic!("{other}"),
        }
    }
}

impl Model {
    /// The node of a use and all above it.
    fn path(&self, used: &Use) -> Vec<String> {
        let (mut path, mut next) = (Vec::new(), used.node.clone().or(used.agent.clone()));
        while let Some((id, node)) = next.and_then(|id| Some((id.clone(), self.tree.get(&id)?))) {
            path.push(id);
            next = node.parent.clone();
        }
        path
    }

    /// Whom a subject counts a use within `path` for, if it does.
    fn place(of: &Subject, used: &Use, path: &[String]) -> Option<String> {
        let (scope, named, measure, _) = of;
        if measure == "units:search" && used.operation != "search" {
            return None;
        }
        if scope == "node" {
            return named.clone().filter(|named| path.contains(named));
        }
        let id = match &**scope {
            "tenant" => Some(String::new()),
            "agent" => used.agent.clone(),
            "consumer" => used.consumer.clone(),
            "session" => used.session.clone(),
            "tool" => used.tool.as_ref().map(|tool| format!("srv/{tool}")),
            "operation" => Some(used.operation.clone()),
            other => panic!("{other}"),
        };
        id.filter(|id| named.as_ref().is_none_or(|named| named == id))
    }

    /// What one of a subject's scope used and holds in the window of `at`.
    pub(crate) fn stands(&self, of: &Subject, id: &str, at: &str) -> (i128, i128) {
        let (mut used, mut held) = (0, 0);
        let Some(count) = self.counts.iter().find(|count| count.of == *of) else {
            return (0, 0);
        };
        if !count.reaches(at) {
            return (0, 0);
        }
        let (measure, window) = (&of.2, count.window(at));
        let is_in = |what: &Use, path: &[String]| {
            count.window(&what.at) == window
                && Self::place(of, what, path).is_some_and(|place| place == id)
        };
        let facts = self.facts.values().filter(|fact| !fact.voided);
        for fact in facts.filter(|fact| is_in(&fact.used, &fact.path)) {
            used += fact.used.of(measure);
        }
        let holds = self.holds.values().filter(|hold| hold.end.is_none());
        for hold in holds.filter(|hold| is_in(&hold.estimate, &hold.path)) {
            held += hold.estimate.of(measure);
        }
        (used, held)
    }

    /// The caps that count a use within `path`, each with its layer and the one of
    /// its scope.
    fn counting<'a, 'b>(
        &'a self,
        used: &'b Use,
        path: &'b [String],
    ) -> impl Iterator<Item = (&'static str, &'a Cap, String)> + use<'a, 'b> {
        let caps = self.caps.iter();
        let caps = caps.flat_map(|(layer, caps)| caps.iter().map(move |cap| (*layer, cap)));
        caps.filter_map(move |(layer, cap)| {
            let count = self.counts.iter().find(|count| count.of == cap.of)?;
            let id = Self::place(&cap.of, used, path)?;
            count.reaches(&used.at).then_some((layer, cap, id))
        })
    }

    /// The caps that a use meets, with what each has counted.
    fn met<'a>(&'a self, used: &Use) -> Vec<(&'a Cap, i128)> {
        let path = self.path(used);
        let counting = self.counting(used, &path);
        let met = counting.map(|(_, cap, id)| {
            let (taken, held) = self.stands(&cap.of, &id, &used.at);
            (cap, taken + held)
        });
        met.collect()
    }

    /// Tells what a use within `path`, which is counted, reaches of the caps of
    /// which it is use.
    fn tell(&mut self, used: &Use, path: &[String], is_use: impl Fn(&Cap) -> bool) {
        let mut told = std::mem::take(&mut self.told);
        for (layer, cap, id) in self.counting(used, path) {
            if is_use(cap) {
                let calendar = self.calendar.of(&cap.of.3);
                let window = (calendar, calendar.window(&cap.of.3, &used.at));
                let (stands, _) = self.stands(&cap.of, &id, &used.at);
                told.note((layer, cap), &id, window, stands);
            }
        }
        self.told = told;
    }

    /// Whether, and by what, a use that is about to happen is refused.
    pub(crate) fn refusal(&self, used: &Use) -> Option<Refusal> {
        let disabled = self.path(used).iter().any(|id| !self.tree[id].enabled);
        let mut money = self.cancelled || disabled || self.charge(used, used.cost).1 > 0;
        let mut quantity = false;
        for (cap, taken) in self.met(used) {
            let sum = taken + used.of(&cap.of.2);
            if cap.hard.is_some_and(|hard| sum > hard)
                || (cap.blocks && cap.soft.is_some_and(|soft| sum > soft))
            {
                *(if cap.of.2 == "spend" {
                    &mut money
                } else {
                    &mut quantity
                }) = true;
            }
        }
        if money {
            Some(Refusal::Money)
        } else {
            quantity.then_some(Refusal::Quantity)
        }
    }

    /// Asserts that nothing that a use met stands above its hard value now.
    pub(crate) fn assert_within(&self, used: &Use) {
        for (cap, taken) in self.met(used) {
            assert!(
                cap.hard.is_none_or(|hard| taken <= hard),
                "{cap:?} stands at {taken}"
            );
        }
    }

    /// Records a use, whatever refuses it.
    pub(crate) fn record(&mut self, id: &str, used: Use) {
        let (mut draws, short) = self.charge(&used, used.cost);
        if short > 0 {
            draws.push(("uncovered".to_owned(), short));
        }
        let path = self.path(&used);
        let fact = Fact {
            used: used.clone(),
            path: path.clone(),
            draws,
            voided: false,
        };
        let before = self.facts.insert(id.to_owned(), fact);
        assert!(before.is_none(), "{id} is recorded twice");
        self.tell(&used, &path, |_| true);
    }

    /// Holds a use that nothing refuses.
    pub(crate) fn hold(&mut self, id: &str, estimate: Use, expires: String) {
        let (draws, _) = self.charge(&estimate, estimate.cost);
        let path = self.path(&estimate);
        let hold = Hold {
            estimate: estimate.clone(),
            draws,
            path: path.clone(),
            expires,
            end: None,
        };
        self.holds.insert(id.to_owned(), hold);
        // What is of no size is not held, but used.
        self.tell(&estimate, &path, |cap| estimate.of(&cap.of.2) == 0);
    }

    /// Books a use for a hold: first from what it holds, while it is open.
    pub(crate) fn capture(&mut self, id: &str, used: Use) {
        let hold = self.holds.get(id).expect("a hold");
        let (mut draws, mut left) = (Draws::new(), used.cost);
        let (path, was_held) = (hold.path.clone(), hold.end.is_none());
        let held = hold.draws.iter().filter(|_| hold.end.is_none());
        for (source, amount) in held {
            let kept = left.min(*amount);
            draws.extend((kept > 0).then(|| (source.clone(), kept)));
            left -= kept;
        }
        let (more, short) = self.charge(&used, left);
        draws.extend(more);
        draws.extend((short > 0).then(|| ("uncovered".to_owned(), short)));
        self.holds.get_mut(id).expect("a hold").end = Some(End::Captured);
        let hold = self.holds.get(id).expect("a hold");
        let held = was_held.then(|| hold.estimate.clone());
        let fact = Fact {
            used: used.clone(),
            path: path.clone(),
            draws,
            voided: false,
        };
        self.facts.insert(id.to_owned(), fact);
        let amount = |of: &Use, cap: &Cap| of.of(&cap.of.2);
        let is_held = |cap: &Cap| held.as_ref().is_some_and(|held| amount(held, cap) > 0);
        self.tell(&used, &path, |cap| amount(&used, cap) > 0 || !is_held(cap));
    }

    /// The time of receipt of what comes now: never before one of earlier.
    pub(crate) fn received(&self) -> String {
        self.now.clone().max(self.stamped.clone())
    }

    /// Lets time pass: holds that are over end.
    pub(crate) fn pass(&mut self, now: String) {
        self.now = now;
        for hold in self
            .holds
            .values_mut()
            .filter(|hold| hold.end.is_none() && hold.expires <= self.now)
        {
            hold.end = Some(End::Expired);
        }
    }

    /// Goes on counting what caps still need and begins to count what is new.
    pub(crate) fn renew(&mut self) {
        let needed: BTreeSet<Subject> = self
            .caps
            .values()
            .flatten()
            .map(|cap| cap.of.clone())
            .collect();
        let calendar = self.calendar;
        self.counts.retain(|count| {
            needed.contains(&count.of) && count.calendar == calendar.of(&count.of.3)
        });
        for of in needed {
            if !self.counts.iter().any(|count| count.of == of) {
                self.counts.push(Count {
                    calendar: calendar.of(&of.3),
                    of,
                    from: self.now.clone(),
                });
            }
        }
    }
}
