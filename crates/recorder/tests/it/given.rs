//! A server that a test scripts, and what else tests begin with.

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tollgate_core::{Name, Quantities};
use tollgate_recorder::{
    RecordedEvent, Recorder, Reply, Settings, Task, Transport, Undelivered, Unreachable, Usage,
};

/// What the server does with one post.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Nothing arrives.
    Lose,
    /// It counts the events, and its answer is lost.
    LoseAnswer,
    /// It never answers.
    Hang,
    /// The transport panics.
    Panic,
    /// It answers so.
    Say(u16, Option<u64>, Value),
}

/// One post: when it came and what was in it.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) at: Instant,
    pub(crate) bytes: usize,
    /// The id of a sealed batch.
    pub(crate) seal: Option<String>,
    pub(crate) events: Vec<Value>,
}

/// A server that counts each event once by its id, or its batch once. It does what is
/// planned first, and then takes everything but what it `refuses`. An event without an id
/// is known to the tests by its session, and must not count in two batches.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Inside>);

#[derive(Default)]
struct Inside {
    plan: Mutex<VecDeque<Does>>,
    refuses: Mutex<BTreeMap<String, (u16, &'static str)>>,
    largest: Mutex<Option<usize>>,
    posts: Mutex<Vec<Post>>,
    counted: Mutex<BTreeMap<String, Value>>,
    sealed: Mutex<BTreeMap<String, Vec<Value>>>,
}

impl Server {
    pub(crate) fn plan(&self, does: impl IntoIterator<Item = Does>) {
        self.0.plan.lock().unwrap().extend(does);
    }

    /// Events of this id are refused so.
    pub(crate) fn refuses(&self, id: &str, status: u16, code: &'static str) {
        self.0
            .refuses
            .lock()
            .unwrap()
            .insert(id.to_owned(), (status, code));
    }

    /// Batches of more events than this are too large.
    pub(crate) fn takes_at_most(&self, events: usize) {
        *self.0.largest.lock().unwrap() = Some(events);
    }

    /// It does nothing any more that was planned.
    pub(crate) fn heal(&self) {
        self.0.plan.lock().unwrap().clear();
    }

    pub(crate) fn posts(&self) -> Vec<Post> {
        self.0.posts.lock().unwrap().clone()
    }

    /// Every event that counted, by id.
    pub(crate) fn counted(&self) -> BTreeMap<String, Value> {
        self.0.counted.lock().unwrap().clone()
    }

    /// The one event that counted.
    pub(crate) fn only(&self) -> Value {
        let counted: Vec<Value> = self.counted().into_values().collect();
        assert_eq!(counted.len(), 1, "{counted:?}");
        counted[0].clone()
    }

    fn answer(&self, batch: &Bytes) -> Reply {
        let body: Value = serde_json::from_slice(batch).unwrap();
        let events = body["events"].as_array().unwrap().clone();
        if self
            .0
            .largest
            .lock()
            .unwrap()
            .is_some_and(|largest| events.len() > largest)
        {
            return reply(413, None, &json!({ "code": "too_large" }));
        }
        let repeats = body["batch_id"].as_str().map(|seal| {
            let mut sealed = self.0.sealed.lock().unwrap();
            let before = sealed.insert(seal.to_owned(), events.clone());
            assert!(
                before.as_ref().is_none_or(|before| *before == events),
                "a batch never changes"
            );
            before.is_some()
        });
        let results: Vec<Value> = events
            .iter()
            .enumerate()
            .map(|(index, event)| {
                let sealed = format!("{}~{index}", body["batch_id"]);
                let id = event.get("id").or(event.get("session_id"));
                let id = id.and_then(Value::as_str).unwrap_or(&sealed);
                self.count(index, id, event, repeats)
            })
            .collect();
        reply(200, None, &json!({ "results": results }))
    }

    fn count(&self, index: usize, id: &str, event: &Value, repeats: Option<bool>) -> Value {
        assert_eq!(repeats.is_some(), event.get("id").is_none(), "{event}");
        if let Some((status, code)) = self.0.refuses.lock().unwrap().get(id) {
            return json!({ "index": index, "status": "rejected", "problem": { "status": status, "code": code } });
        }
        let before = self
            .0
            .counted
            .lock()
            .unwrap()
            .insert(id.to_owned(), event.clone());
        assert!(
            before.as_ref().is_none_or(|before| before == event),
            "an event never changes"
        );
        assert!(
            repeats != Some(false) || before.is_none(),
            "{id} counts twice"
        );
        json!({ "index": index, "status": if before.is_some() { "replayed" } else { "recorded" }, "problem": null })
    }
}

pub(crate) fn reply(status: u16, retry_after: Option<u64>, body: &Value) -> Reply {
    Reply {
        status,
        retry_after: retry_after.map(Duration::from_secs),
        body: body.to_string().into(),
    }
}

impl Transport for Server {
    fn post(&self, batch: Bytes) -> BoxFuture<'_, Result<Reply, Unreachable>> {
        let body: Value = serde_json::from_slice(&batch).unwrap();
        let events = body["events"].as_array().unwrap().clone();
        self.0.posts.lock().unwrap().push(Post {
            at: Instant::now(),
            bytes: batch.len(),
            seal: body["batch_id"].as_str().map(str::to_owned),
            events,
        });
        let does = self.0.plan.lock().unwrap().pop_front();
        async move {
            let lost = Err(Unreachable("lost".to_owned()));
            match does {
                None => Ok(self.answer(&batch)),
                Some(Does::Lose) => lost,
                Some(Does::LoseAnswer) => {
                    self.answer(&batch);
                    lost
                }
                Some(Does::Hang) => pending().await,
                Some(Does::Panic) => panic!("as planned"),
                Some(Does::Say(status, retry_after, body)) => Ok(reply(status, retry_after, &body)),
            }
        }
        .boxed()
    }
}

/// A recorder and the server that it sends to.
pub(crate) fn pair(settings: Settings) -> (Recorder, Server) {
    let server = Server::default();
    (Recorder::start(server.clone(), settings).unwrap(), server)
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A task whose event has this id.
pub(crate) fn task(id: &str) -> Task {
    Task {
        id: Some(name(id)),
        ..Task::default()
    }
}

/// Offers an event of this id.
pub(crate) fn offer(recorder: &Recorder, id: &str) -> bool {
    recorder.offer(
        task(id),
        Usage::default(),
        Duration::ZERO,
        tollgate_recorder::Outcome::Success,
    )
}

/// Offers an event of this session, without an id.
pub(crate) fn offer_unnamed(recorder: &Recorder, session: &str) -> bool {
    let task = Task {
        session: Some(name(session)),
        ..Task::default()
    };
    let outcome = tollgate_recorder::Outcome::Success;
    recorder.offer(task, Usage::default(), Duration::ZERO, outcome)
}

/// The names of events that came back.
pub(crate) fn named(undelivered: &[Undelivered]) -> Vec<String> {
    let events = undelivered.iter().flat_map(Undelivered::events);
    let name = |event: &RecordedEvent| {
        let json: Value = serde_json::from_str(event.json()).unwrap();
        let named = json.get("id").or(json.get("session_id"));
        named.unwrap().as_str().unwrap().to_owned()
    };
    events.map(name).collect()
}

/// Reads the tokens of a result that is a number of them.
pub(crate) fn tokens<E>(result: Result<&u64, &E>) -> Option<Usage> {
    Some(Usage::from(Quantities {
        tokens_out: result.copied().unwrap_or(0),
        ..Quantities::default()
    }))
}
