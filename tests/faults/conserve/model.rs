//! A tenant as the rules alone describe it: facts in lists, and sums made anew
//! each time they are asked for.

use std::collections::{BTreeMap, BTreeSet};

/// 1 of the currency, in units of 1e-18.
pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;

/// What is used, or expected to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Use {
    /// When it happens, as text in UTC.
    pub(crate) at: String,
    pub(crate) agent: Option<String>,
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
    draws: Draws,
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
    draws: Draws,
    path: Vec<String>,
    pub(crate) created: String,
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
    from: String,
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

/// The part of a time that names its window.
pub(crate) fn window<'a>(kind: &str, at: &'a str) -> &'a str {
    let length = match kind {
        "total" => 0,
        "hour" => 13,
        "day" => 10,
        "month" | "period" => 7,
        other => panic!("{other}"),
    };
    &at[..length]
}

impl Use {
    fn of(&self, measure: &str) -> i128 {
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
        let (measure, kind) = (&of.2, &of.3);
        if window(kind, at) < window(kind, &count.from) {
            return (0, 0);
        }
        let is_in = |what: &Use, path: &[String]| {
            window(kind, &what.at) == window(kind, at)
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

    /// The caps that a use meets, with what each has counted.
    fn met<'a>(&'a self, used: &'a Use) -> impl Iterator<Item = (&'a Cap, i128)> {
        let path = self.path(used);
        self.caps.values().flatten().filter_map(move |cap| {
            let count = self.counts.iter().find(|count| count.of == cap.of)?;
            let kind = &cap.of.3;
            let outside = window(kind, &used.at) < window(kind, &count.from);
            let id = Self::place(&cap.of, used, &path).filter(|_| !outside)?;
            let (taken, held) = self.stands(&cap.of, &id, &used.at);
            Some((cap, taken + held))
        })
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

    /// What `cost` draws: the allowance of the use's month, then grants in
    /// order; and what none covers.
    fn charge(&self, used: &Use, cost: i128) -> (Draws, i128) {
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
        let month = window("month", &used.at);
        let began = self
            .since
            .as_ref()
            .is_some_and(|since| window("month", since) <= month);
        let first = allowance
            .filter(|_| began)
            .map(|amount| (format!("allowance:{month}"), amount));
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

    /// Records a use, whatever refuses it.
    pub(crate) fn record(&mut self, id: &str, used: Use) {
        let (mut draws, short) = self.charge(&used, used.cost);
        if short > 0 {
            draws.push(("uncovered".to_owned(), short));
        }
        let path = self.path(&used);
        let before = self.facts.insert(
            id.to_owned(),
            Fact {
                used,
                path,
                draws,
                voided: false,
            },
        );
        assert!(before.is_none(), "{id} is recorded twice");
    }

    /// Holds a use that nothing refuses.
    pub(crate) fn hold(&mut self, id: &str, estimate: Use, expires: String) {
        let (draws, _) = self.charge(&estimate, estimate.cost);
        let path = self.path(&estimate);
        let hold = Hold {
            estimate,
            draws,
            path,
            created: self.now.clone(),
            expires,
            end: None,
        };
        self.holds.insert(id.to_owned(), hold);
    }

    /// Books a use for a hold: first from what it holds, while it is open.
    pub(crate) fn capture(&mut self, id: &str, used: Use) {
        let hold = self.holds.get(id).expect("a hold");
        let (mut draws, mut left) = (Draws::new(), used.cost);
        let path = hold.path.clone();
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
        self.facts.insert(
            id.to_owned(),
            Fact {
                used,
                path,
                draws,
                voided: false,
            },
        );
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
        self.counts.retain(|count| needed.contains(&count.of));
        for of in needed {
            if !self.counts.iter().any(|count| count.of == of) {
                self.counts.push(Count {
                    of,
                    from: self.now.clone(),
                });
            }
        }
    }
}
