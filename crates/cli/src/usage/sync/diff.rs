//! What bringing a file of entitlements into a plan changes.

use crate::artifact::{Feature, Plan, SoftMode};
use serde_json::{Map, Value, json};
use tollgate_core::{Amount, Currency};

/// What becomes of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// The plan as it is to be.
    pub(super) plan: Value,
    /// What became of each feature, in the plan's order.
    pub(super) changes: Vec<(String, Change)>,
}

impl Change {
    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Inserted => "inserted",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Pruned => "pruned",
        }
    }
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

    /// The plan's version, 0 before there is one.
    pub(super) fn version(&self) -> u64 {
        self.plan["version"].as_u64().unwrap_or(0)
    }
}

/// A plan that is not there yet: its name is its code with a capital.
pub(super) fn first(code: &str, currency: Currency) -> Value {
    let mut letters = code.chars();
    let capital = letters
        .next()
        .map(|letter| letter.to_ascii_uppercase())
        .into_iter();
    let name: String = capital.chain(letters).collect();
    json!({ "code": code, "name": name, "currency": currency, "features": [] })
}

/// `stored`, a plan as the server has it, with the features of `plan`.
pub(super) fn diff(mut stored: Value, plan: &Plan, wish: Wish) -> Diff {
    let held = stored["features"]
        .as_array_mut()
        .map(std::mem::take)
        .unwrap_or_default();
    let (mut features, mut changes) = (Vec::new(), Vec::new());
    for feature in held {
        let key = feature["feature_key"]
            .as_str()
            .unwrap_or_default()
            .to_string();
        let wanted = plan
            .features
            .iter()
            .find(|wanted| wanted.feature_key == key);
        let (change, feature) = match (wanted, feature) {
            (Some(wanted), Value::Object(held)) => {
                let next = updated(held.clone(), wanted, wish);
                (
                    if next == held {
                        Change::Unchanged
                    } else {
                        Change::Updated
                    },
                    Some(Value::Object(next)),
                )
            }
            (None, _) if wish.prunes => (Change::Pruned, None),
            (_, feature) => (Change::Unchanged, Some(feature)),
        };
        features.extend(feature);
        changes.push((key, change));
    }
    for wanted in plan
        .features
        .iter()
        .filter(|wanted| !changes.iter().any(|(key, _)| *key == wanted.feature_key))
        .collect::<Vec<_>>()
    {
        let key = Map::from_iter([(
            "feature_key".to_string(),
            Value::from(wanted.feature_key.as_str()),
        )]);
        features.push(Value::Object(updated(key, wanted, wish)));
        changes.push((wanted.feature_key.clone(), Change::Inserted));
    }
    stored["features"] = features.into();
    Diff {
        plan: stored,
        changes,
    }
}

/// A feature with what the file says of it; the rest stays.
fn updated(mut feature: Map<String, Value>, wanted: &Feature, wish: Wish) -> Map<String, Value> {
    let texts = [
        ("display_name", &wanted.display_name),
        ("unit", &wanted.unit),
    ];
    for (field, text) in texts {
        feature.extend(text.as_deref().map(|text| (field.to_string(), text.into())));
    }
    feature.insert("is_metered".into(), wanted.is_metered.into());
    let is_money = feature
        .get("measure")
        .is_some_and(|measure| measure == "spend");
    for (field, limit) in [
        ("soft_limit", wanted.soft_limit),
        ("hard_limit", wanted.hard_limit),
    ] {
        let held = feature.get(field).unwrap_or(&Value::Null);
        if amount(held) != limit.and_then(Amount::whole) {
            let limit = limit.map(|limit| {
                if is_money {
                    limit.to_string().into()
                } else {
                    limit.into()
                }
            });
            feature.insert(field.into(), limit.unwrap_or(Value::Null));
        }
    }
    let soft_mode = wish.soft_mode.filter(|_| wanted.is_metered);
    feature.extend(soft_mode.map(|mode| ("soft_mode".to_string(), mode.as_str().into())));
    feature
}

/// A limit, written as a number or a decimal string.
fn amount(limit: &Value) -> Option<Amount> {
    crate::output::cell(limit).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEAVE: Wish = Wish {
        soft_mode: None,
        prunes: false,
    };

    fn plan(features: &[(&str, Option<u64>, Option<u64>)]) -> Plan {
        let feature = |(key, soft_limit, hard_limit): &(&str, Option<u64>, Option<u64>)| Feature {
            feature_key: (*key).to_string(),
            display_name: None,
            unit: None,
            is_metered: true,
            soft_limit: *soft_limit,
            hard_limit: *hard_limit,
        };
        Plan {
            plan_code: "starter".to_string(),
            features: features.iter().map(feature).collect(),
        }
    }

    fn counts(diff: &Diff) -> [usize; 4] {
        diff.counts()
    }

    #[test]
    fn three_new_features_one_that_changes_and_one_that_goes() {
        // G18.
        let three = [
            ("messages", Some(80), Some(120)),
            ("input_tokens", Some(1000), None),
            ("output_tokens", None, None),
        ];
        let made = diff(first("starter", Currency::USD), &plan(&three), LEAVE);
        assert_eq!(
            (counts(&made), &made.plan["name"]),
            ([3, 0, 0, 0], &json!("Starter"))
        );
        let mut raised = three;
        raised[0].2 = Some(130);
        let raised = diff(made.plan.clone(), &plan(&raised), LEAVE);
        assert_eq!(
            (counts(&raised), &raised.plan["features"][0]["hard_limit"]),
            ([0, 1, 2, 0], &json!(130))
        );
        let fewer = diff(
            raised.plan.clone(),
            &plan(&[("messages", Some(80), Some(130)), three[1]]),
            Wish {
                prunes: true,
                ..LEAVE
            },
        );
        assert_eq!(
            (
                counts(&fewer),
                fewer.plan["features"].as_array().unwrap().len()
            ),
            ([0, 0, 2, 1], 2)
        );
        let kept = diff(
            raised.plan,
            &plan(&[("messages", Some(80), Some(130))]),
            LEAVE,
        );
        assert_eq!(
            (counts(&kept), kept.is_change(false)),
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
             "soft_limit":null,"hard_limit":"10"}]});
        let wanted = plan(&[("messages", None, Some(9)), ("spend", None, Some(10))]);
        let next = diff(stored.clone(), &wanted, LEAVE);
        let mut expected = stored.clone();
        expected["features"][0]["soft_limit"] = Value::Null;
        expected["features"][0]["hard_limit"] = json!(9);
        assert_eq!(
            (&next.plan, counts(&next), next.version()),
            (&expected, [0, 1, 1, 0], 4)
        );
        let warns = diff(
            stored.clone(),
            &wanted,
            Wish {
                soft_mode: Some(SoftMode::Warn),
                prunes: false,
            },
        );
        assert_eq!(warns.plan["features"][0]["soft_mode"], "warn");
        let dearer = diff(stored, &plan(&[("spend", None, Some(11))]), LEAVE);
        assert_eq!(
            dearer.plan["features"][1]["hard_limit"], "11",
            "money is text"
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
            let stored = diff(first("starter", Currency::USD), &plan(&before), LEAVE).plan;
            let once = diff(stored, &plan(&after), wish);
            let again = diff(once.plan.clone(), &plan(&after), wish);
            prop_assert!(!again.is_change(false));
            prop_assert_eq!(&again.plan, &once.plan);
            let [inserted, updated, unchanged, pruned] = counts(&once);
            prop_assert_eq!(updated + unchanged + pruned, before.len());
            let features = once.plan["features"].as_array().unwrap();
            prop_assert_eq!(inserted + updated + unchanged, features.len());
            prop_assert!(prunes || pruned == 0);
        }
    }
}
