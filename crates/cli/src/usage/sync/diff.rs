//! What bringing a file of entitlements into a plan changes.

use crate::artifact;
use crate::failure::Failure;
use crate::usage::figure::amount;
use serde::Serialize;
use tollgate_api::{Feature, Figure, Plan};
use tollgate_core::{Amount, Currency, Measure, Name, OnUnavailable, SoftMode, WindowKind};

/// What becomes of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Change {
    /// The plan did not have it.
    Inserted,
    /// It is another now.
    Updated,
    /// It is as it was, or not in the file.
    Unchanged,
    /// It is gone.
    Pruned,
}

/// What an operator wants beside the file's features.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    /// What passing a soft limit does; `None` leaves what each feature says.
    pub(super) soft_mode: Option<SoftMode>,
    /// Whether features go that the file does not have.
    pub(super) prunes: bool,
}

/// A plan with the file's features, and what that changed.
#[derive(Debug, Clone)]
pub(super) struct Diff {
    /// The plan as it is to be; its version is 0 before there is one.
    pub(super) plan: Plan,
    /// What became of each feature, in the plan's order.
    pub(super) changes: Vec<(Name, Change)>,
}

impl Diff {
    /// Whether the server has to be told.
    pub(super) fn is_change(&self, is_new: bool) -> bool {
        is_new
            || self
                .changes
                .iter()
                .any(|(_, change)| *change != Change::Unchanged)
    }

    /// How many features are inserted, updated, unchanged and pruned.
    pub(super) fn counts(&self) -> [usize; 4] {
        let of = |wanted: Change| {
            self.changes
                .iter()
                .filter(|(_, change)| *change == wanted)
                .count()
        };
        [
            Change::Inserted,
            Change::Updated,
            Change::Unchanged,
            Change::Pruned,
        ]
        .map(of)
    }
}

/// A plan that is not there yet: its name is its code with a capital.
pub(super) fn first(code: &Name, currency: Currency) -> Plan {
    let mut letters = code.as_str().chars();
    let capital = letters
        .next()
        .map(|letter| letter.to_ascii_uppercase())
        .into_iter();
    Plan {
        code: code.clone(),
        version: 0,
        name: capital.chain(letters).collect(),
        currency,
        allowance: None,
        features: Vec::new(),
    }
}

/// `stored`, a plan as the server has it, with the features of `file`.
pub(super) fn diff(stored: Plan, file: &artifact::Plan, wish: Wish) -> Result<Diff, Failure> {
    let (mut features, mut changes) = (Vec::new(), Vec::new());
    for held in stored.features {
        let key = held.feature_key.clone();
        let wanted = file
            .features
            .iter()
            .find(|wanted| wanted.feature_key == key.as_str());
        let (change, next) = match wanted {
            Some(wanted) => changed(held, wanted, wish),
            None if wish.prunes => (Change::Pruned, None),
            None => (Change::Unchanged, Some(held)),
        };
        features.extend(next);
        changes.push((key, change));
    }
    for wanted in &file.features {
        let key = key(wanted)?;
        if !changes.iter().any(|(known, _)| *known == key) {
            features.push(updated(inserted(key.clone()), wanted, wish));
            changes.push((key, Change::Inserted));
        }
    }
    Ok(Diff {
        plan: Plan { features, ..stored },
        changes,
    })
}

fn changed(held: Feature, wanted: &artifact::Feature, wish: Wish) -> (Change, Option<Feature>) {
    let next = updated(held.clone(), wanted, wish);
    let change = if next == held {
        Change::Unchanged
    } else {
        Change::Updated
    };
    (change, Some(next))
}

fn key(wanted: &artifact::Feature) -> Result<Name, Failure> {
    let key = &wanted.feature_key;
    Name::id(key).map_err(|error| Failure::new(format!("the feature key `{key}` {error}")))
}

/// A feature of this key as the server fills it in, before the file says anything of it.
fn inserted(feature_key: Name) -> Feature {
    Feature {
        measure: tollgate_core::Feature::measure_of(&feature_key),
        feature_key,
        display_name: None,
        description: None,
        unit: None,
        is_metered: true,
        window: WindowKind::Period,
        soft_limit: None,
        hard_limit: None,
        soft_mode: SoftMode::default(),
        on_unavailable: OnUnavailable::default(),
    }
}

/// A feature with what the file says of it; the rest stays.
fn updated(held: Feature, wanted: &artifact::Feature, wish: Wish) -> Feature {
    let soft_mode = wish.soft_mode.filter(|_| wanted.is_metered);
    Feature {
        display_name: wanted.display_name.clone().or(held.display_name),
        unit: wanted.unit.clone().or(held.unit),
        is_metered: wanted.is_metered,
        soft_limit: limit(held.soft_limit, wanted.soft_limit, &held.measure),
        hard_limit: limit(held.hard_limit, wanted.hard_limit, &held.measure),
        soft_mode: soft_mode.unwrap_or(held.soft_mode),
        ..held
    }
}

/// The limit that the file wants; as it was written where it is the same.
fn limit(held: Option<Figure>, wanted: Option<u64>, measure: &Measure) -> Option<Figure> {
    if held.and_then(amount) == wanted.and_then(Amount::whole) {
        return held;
    }
    match measure {
        Measure::Spend => wanted.and_then(Amount::whole).map(Figure::Money),
        _ => wanted.map(|limit| Figure::Count(limit.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const LEAVE: Wish = Wish {
        soft_mode: None,
        prunes: false,
    };

    fn plan(features: &[(&str, Option<u64>, Option<u64>)]) -> artifact::Plan {
        let feature =
            |(key, soft_limit, hard_limit): &(&str, Option<u64>, Option<u64>)| artifact::Feature {
                feature_key: (*key).to_string(),
                display_name: None,
                unit: None,
                is_metered: true,
                soft_limit: *soft_limit,
                hard_limit: *hard_limit,
            };
        artifact::Plan {
            plan_code: Name::new("starter").unwrap(),
            features: features.iter().map(feature).collect(),
        }
    }

    fn new() -> Plan {
        first(&Name::new("starter").unwrap(), Currency::USD)
    }

    #[test]
    fn three_new_features_one_that_changes_and_one_that_goes() {
        // G18.
        let three = [
            ("messages", Some(80), Some(120)),
            ("input_tokens", Some(1000), None),
            ("output_tokens", None, None),
        ];
        let made = diff(new(), &plan(&three), LEAVE).unwrap();
        assert_eq!(
            (made.counts(), made.plan.name.as_str()),
            ([3, 0, 0, 0], "Starter")
        );
        let mut raised = three;
        raised[0].2 = Some(130);
        let raised = diff(made.plan.clone(), &plan(&raised), LEAVE).unwrap();
        assert_eq!(
            (raised.counts(), raised.plan.features[0].hard_limit),
            ([0, 1, 2, 0], Some(Figure::Count(130)))
        );
        let fewer = diff(
            raised.plan.clone(),
            &plan(&[("messages", Some(80), Some(130)), three[1]]),
            Wish {
                prunes: true,
                ..LEAVE
            },
        )
        .unwrap();
        assert_eq!(
            (fewer.counts(), fewer.plan.features.len()),
            ([0, 0, 2, 1], 2)
        );
        let kept = diff(
            raised.plan,
            &plan(&[("messages", Some(80), Some(130))]),
            LEAVE,
        )
        .unwrap();
        assert_eq!(
            (kept.counts(), kept.is_change(false)),
            ([0, 0, 3, 0], false)
        );
    }

    #[test]
    fn what_the_file_does_not_speak_of_stays() {
        let stored = json!({"code":"starter","version":4,"name":"Mine","currency":"EUR",
            "allowance":"5","features":[
            {"feature_key":"messages","display_name":"Chats","description":"x","unit":"chats",
             "is_metered":true,"measure":"events","window":"day",
             "soft_limit":1,"hard_limit":2,"soft_mode":"block","on_unavailable":"allow"},
            {"feature_key":"spend","is_metered":true,"measure":"spend","window":"period",
             "soft_limit":null,"hard_limit":"10","soft_mode":"warn","on_unavailable":"deny"}]});
        let stored: Plan = serde_json::from_value(stored).unwrap();
        let wanted = plan(&[("messages", None, Some(9)), ("spend", None, Some(10))]);
        let next = diff(stored.clone(), &wanted, LEAVE).unwrap();
        let mut expected = stored.clone();
        expected.features[0].soft_limit = None;
        expected.features[0].hard_limit = Some(Figure::Count(9));
        assert_eq!((&next.plan, next.counts()), (&expected, [0, 1, 1, 0]));
        let warns = Wish {
            soft_mode: Some(SoftMode::Warn),
            prunes: false,
        };
        let warns = diff(stored.clone(), &wanted, warns).unwrap();
        assert_eq!(warns.plan.features[0].soft_mode, SoftMode::Warn);
        let dearer = diff(stored, &plan(&[("spend", None, Some(11))]), LEAVE).unwrap();
        assert_eq!(
            serde_json::to_value(&dearer.plan.features[1]).unwrap()["hard_limit"],
            "11",
            "money is text"
        );
    }

    #[test]
    fn a_key_that_no_feature_may_have_is_named() {
        let refused = diff(new(), &plan(&[("a b", None, None)]), LEAVE).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the feature key `a b` must not hold ` `: an id has letters, digits and . _ : @ / + - only"
        );
    }

    fn features() -> impl Strategy<Value = Vec<(&'static str, Option<u64>, Option<u64>)>> {
        let keys = proptest::sample::subsequence(
            vec!["messages", "input_tokens", "output_tokens", "spend"],
            0..=4,
        );
        let limits = proptest::collection::vec(proptest::option::of(0..5_u64), 8);
        (keys, limits).prop_map(|(keys, limits)| {
            keys.into_iter()
                .zip(limits.chunks(2))
                .map(|(key, of)| (key, of[0], of[1]))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn what_was_brought_in_is_no_change_the_next_time(
            before in features(),
            after in features(),
            prunes in any::<bool>(),
            blocks in any::<bool>(),
        ) {
            let wish = Wish { soft_mode: blocks.then_some(SoftMode::Block), prunes };
            let stored = diff(new(), &plan(&before), LEAVE).unwrap().plan;
            let once = diff(stored, &plan(&after), wish).unwrap();
            let again = diff(once.plan.clone(), &plan(&after), wish).unwrap();
            prop_assert!(!again.is_change(false));
            prop_assert_eq!(&again.plan, &once.plan);
            let [inserted, updated, unchanged, pruned] = once.counts();
            prop_assert_eq!(updated + unchanged + pruned, before.len());
            prop_assert_eq!(inserted + updated + unchanged, once.plan.features.len());
            prop_assert!(prunes || pruned == 0);
        }
    }
}
