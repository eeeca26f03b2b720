//! What an answer of the API says of the events of a batch.

use crate::transport::Reply;
use serde::Deserialize;
use std::time::Duration;

/// What an answer means for the batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Each event has its own.
    Each(Vec<Fate>),
    /// The batch as it is will never be taken: smaller ones may be, and a
    /// single event is rejected with this code.
    Unfit(String),
    /// The same batch may be taken later.
    Later {
        why: String,
        retry_after: Option<Duration>,
        /// Someone has to repair something first.
        is_misconfigured: bool,
    },
}

/// What became of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Recorded,
    Replayed,
    /// For good, with a problem code.
    Rejected(String),
    /// To be sent again.
    Later,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    index: usize,
    status: String,
    #[serde(default)]
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    code: String,
}

impl Verdict {
    /// What `reply` says of a batch of `events` events. Everything that is not
    /// clearly final is to be tried again, since the ids make that harmless.
    pub(crate) fn of(reply: &Reply, events: usize) -> Self {
        match reply.status {
            200..=299 => fates(reply, events).map_or_else(
                || Self::later(reply, "an answer that cannot be read"),
                Self::Each,
            ),
            400 | 409 | 413 | 414 | 422 => Self::Unfit(code(reply)),
            _ => Self::later(reply, &code(reply)),
        }
    }

    fn later(reply: &Reply, why: &str) -> Self {
        let is_passing = matches!(reply.status, 200..=299 | 408 | 425 | 429 | 500..);
        let why = format!("{} {why}", reply.status);
        Self::Later {
            why,
            retry_after: reply.retry_after,
            is_misconfigured: !is_passing,
        }
    }
}

fn fates(reply: &Reply, events: usize) -> Option<Vec<Fate>> {
    let answer: Answer = serde_json::from_slice(&reply.body).ok()?;
    let mut fates = vec![Fate::Later; events];
    for line in answer.results {
        if let Some(fate) = fates.get_mut(line.index) {
            *fate = line.fate();
        }
    }
    Some(fates)
}

impl Line {
    fn fate(self) -> Fate {
        match (self.status.as_str(), self.problem) {
            ("recorded", _) => Fate::Recorded,
            ("replayed", _) => Fate::Replayed,
            ("rejected", Some(problem)) if !matches!(problem.status, 408 | 425 | 429 | 500..) => {
                Fate::Rejected(problem.code)
            }
            _ => Fate::Later,
        }
    }
}

/// The problem code, or the status where the answer has none.
fn code(reply: &Reply) -> String {
    let problem = serde_json::from_slice::<Problem>(&reply.body).ok();
    let code = problem
        .map(|problem| problem.code)
        .filter(|code| !code.is_empty());
    code.unwrap_or_else(|| format!("http_{}", reply.status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict(status: u16, body: &serde_json::Value) -> Verdict {
        Verdict::of(
            &Reply {
                status,
                retry_after: None,
                body: body.to_string().into(),
            },
            4,
        )
    }

    #[test]
    fn each_event_has_its_own_fate_and_one_without_a_line_is_sent_again() {
        let body = json!({"recorded": 1, "results": [
            {"index": 0, "event_id": "a", "status": "recorded", "cost": "0", "problem": null},
            {"index": 1, "status": "replayed"},
            {"index": 2, "status": "rejected",
             "problem": {"status": 422, "code": "invalid_event", "detail": "no"}},
            {"index": 9, "status": "recorded"},
        ]});
        let fates = vec![
            Fate::Recorded,
            Fate::Replayed,
            Fate::Rejected("invalid_event".to_owned()),
            Fate::Later,
        ];
        assert_eq!(verdict(200, &body), Verdict::Each(fates));
    }

    #[test]
    fn what_passes_is_sent_again_and_only_what_is_final_is_given_up() {
        for (status, is_final) in [
            (409, true),
            (403, true),
            (402, true),
            (422, true),
            (429, false),
            (500, false),
            (503, false),
            (408, false),
        ] {
            let problem = json!({"status": status, "code": "c"});
            let result = json!({"index": 0, "status": "rejected", "problem": problem});
            let body = json!({"results": [result]});
            let Verdict::Each(fates) = verdict(200, &body) else {
                panic!("an answer")
            };
            assert_eq!(
                fates[0] == Fate::Rejected("c".to_owned()),
                is_final,
                "{status}"
            );
        }
        for (status, body, misconfigured) in [
            (200, json!("nonsense"), false),
            (204, json!(null), false),
            (301, json!({}), true),
            (401, json!({"code": "unauthenticated"}), true),
            (403, json!({"code": "constitutional_hash_mismatch"}), true),
            (404, json!({}), true),
            (429, json!({}), false),
            (503, json!({"code": "store_unavailable"}), false),
        ] {
            let Verdict::Later {
                is_misconfigured, ..
            } = verdict(status, &body)
            else {
                panic!("{status} is not given up")
            };
            assert_eq!(is_misconfigured, misconfigured, "{status}");
        }
        assert_eq!(
            verdict(413, &json!({"code": "too_large"})),
            Verdict::Unfit("too_large".to_owned())
        );
        assert_eq!(
            verdict(400, &json!("?")),
            Verdict::Unfit("http_400".to_owned())
        );
    }
}
