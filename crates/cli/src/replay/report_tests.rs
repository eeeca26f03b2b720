use super::*;
use crate::problem::Problem;
use crate::replay::outcome::{Outcome, Priced, Status};
use crate::replay::send::SendError;
use serde_json::json;
use tollgate_core::{Currency, Decision};

fn mapping() -> Mapping {
    Mapping::new(&["TIMESTAMP", "ContextTokens"], &[], true).unwrap()
}

fn report(mapping: &Mapping) -> Report<'_> {
    Report {
        file: "trace.csv".into(),
        tenant: "acme",
        mapping,
        rows: 2,
        card: None,
        shift: Shift::NONE,
        backfill: false,
        mode: "observe",
        is_sealed: false,
    }
}

fn ran(statuses: Vec<Status>, stop: Option<Stop>) -> Ran {
    let mut tally = Tally::default();
    let outcomes = statuses.into_iter().zip(1_u64..).map(|(status, row)| {
        let id = format!("replay-{row}");
        Outcome {
            row,
            id,
            tokens_in: 1000,
            tokens_out: 10,
            status,
        }
    });
    tally.add(outcomes.collect()).unwrap();
    Ran {
        tally,
        elapsed: Duration::from_millis(500),
        stop,
    }
}

fn priced() -> Priced {
    Priced {
        cost: "0.0025".parse().unwrap(),
        currency: Currency::USD,
        decision: Decision::Allow,
    }
}

fn rejected(status: u16, code: &str) -> Status {
    let body = json!({"code": code, "status": status, "detail": "no"});
    Status::Rejected(Problem::read(status, &body.to_string()))
}

#[test]
fn a_run_prints_its_figures() {
    let mapping = mapping();
    let ran = ran(
        vec![Status::Recorded(priced()), Status::Replayed(priced())],
        None,
    );
    let figures = report(&mapping).figures(&ran);
    let expected = "events     1 recorded, 1 replayed, 0 rejected\n\
        tokens     2,000 in, 20 out\n\
        cost       0.005 USD, of which 0.0025 recorded now\n\
        rate       4 events/s over 0.500 s";
    assert_eq!(figures, expected);
    assert_eq!(report(&mapping).failure(&ran), None);
}

#[test]
fn json_has_the_same_figures() {
    let mapping = mapping();
    let ran = ran(
        vec![Status::Recorded(priced()), rejected(422, "invalid_event")],
        None,
    );
    let json = serde_json::to_value(report(&mapping).told(&ran)).unwrap();
    assert_eq!(
        (
            json["recorded"].as_u64(),
            json["rejected"].as_u64(),
            json["cost"].as_str()
        ),
        (Some(1), Some(1), Some("0.0025"))
    );
    assert_eq!(json["mapping"]["tokens_in"], "ContextTokens");
    assert_eq!(json["rejections"][0]["row"], 2);
}

#[test]
fn a_rejection_fails_the_command_with_its_reason() {
    let mapping = mapping();
    let failure = report(&mapping).failure(&ran(
        vec![Status::Recorded(priced()), rejected(422, "invalid_event")],
        None,
    ));
    let expected = "1 of 2 events were rejected: row 2: no (422 invalid_event)";
    assert_eq!(failure.unwrap().to_string(), expected);
}

#[test]
fn events_too_old_hint_at_the_shift() {
    let mapping = mapping();
    let old = Report {
        backfill: true,
        ..report(&mapping)
    };
    let refused = old.failure(&ran(
        vec![rejected(422, "invalid_event")],
        Some(Stop::AllRefused),
    ));
    assert!(refused.unwrap().to_string().contains("--shift-to-now"));
    let forbidden = crate::client::CallError::Refused(Problem::read(403, "{}"));
    let stopped = old.failure(&ran(
        Vec::new(),
        Some(Stop::Failed(SendError::Call(forbidden))),
    ));
    assert!(stopped.unwrap().to_string().contains("--shift-to-now"));
    let denied = old.failure(&ran(vec![rejected(429, "usage_limit_exceeded")], None));
    assert!(!denied.unwrap().to_string().contains("--shift-to-now"));
}

#[test]
fn rates_need_no_elapsed_time() {
    assert_eq!(per_second(10, Duration::ZERO), 10_000);
    assert_eq!(seconds(Duration::from_millis(61_005)), "61.005 s");
}
