//! What clients ask of the service, and what they are told.

use tollgate_core::{
    Actual, Amount, Currency, Event, GrantOrder, Instant, KeyOrder, KeyScope, Layer, Limit,
    Measure, Mode, Name, OnUnavailable, Scope, SoftMode, WindowKind,
};
use tollgate_service::{
    AGE_SECONDS_MAX, Actor, CaptureOutcome, Failure, HoldMoved, HoldOutcome, HoldRequest, Options,
    Outcome, Question, SealedBatch, SealedEventOutcome, SealedOutcome, SealedPart, Service,
    Submission,
};

/// The tenant of all protocols.
pub(crate) const TENANT: &str = "acme";
/// When every protocol begins.
pub(crate) const BEGINNING: &str = "2026-11-22T10:00:00Z";
pub(crate) fn beginning_at() -> Instant {
    BEGINNING.parse().expect("a time")
}

/// How long holds live, in seconds.
pub(crate) const TTL_SECONDS: u32 = 600;

/// An event: its id and its tokens.
pub(crate) type Used = (&'static str, u64);

/// The soft and the hard value of a limit; no hard value = no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) soft: Option<i128>,
    pub(crate) hard: Option<i128>,
}

/// One call of the service.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Records an event in enforce mode.
    Record(Used),
    /// Records several.
    Batch(&'static [Used]),
    /// Records several as a sealed batch, under the ids that their places give them. In
    /// parts, each takes a transaction of its own.
    Seal(&'static str, &'static [Used], Parts),
    /// Holds an estimate.
    Hold(Used),
    /// Captures the hold of this id with so many tokens.
    Capture(Used),
    /// Releases a hold.
    Release(&'static str),
    /// Lets a hold live so many seconds from now.
    Extend(&'static str, u32),
    /// Expires what is over.
    Expire,
    /// Replaces the limit on the tenant's tokens.
    Limit(Bounds),
    /// Grants so much credit, of which a token costs one.
    Grant(&'static str, u64),
    /// Makes a key of the API under this idempotency key.
    Key(&'static str),
    /// Reads whether an event fits, and if so records it in a second step that
    /// no limit refuses: a check that is not part of the write.
    CheckThenRecord(Used),
}

/// Whether a sealed batch fits one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    /// It does.
    One,
    /// Each event is too large to be beside another.
    Each,
}

/// More than half of what a page holds.
const LARGE: usize = 160_000;

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Answer {
    /// It happened now.
    Done,
    /// It had happened.
    Replayed,
    /// A limit refuses it.
    Denied,
    /// The hold had ended otherwise.
    Closed,
    /// It happened or not.
    Unavailable,
    /// Of each event of a batch.
    Each(Vec<Answer>),
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn submission((id, tokens): Used) -> Submission {
    let mut event = Event::new(name(id), beginning_at(), name("agent_message"));
    event.dimensions.agent = Some(name("a1"));
    event.quantities.tokens_in = tokens;
    event.cost_override = Amount::whole(tokens);
    Submission {
        event,
        timestamp_given: true,
    }
}

/// The limits of the tenant: one on its tokens, and one that is far away.
fn limits(bounds: Bounds) -> Vec<Limit> {
    let limit = |id, scope, measure, bounds: Bounds| Limit {
        id: name(id),
        layer: Layer::Limits,
        scope,
        scope_id: None,
        measure,
        window: WindowKind::Total,
        soft: bounds.soft,
        hard: bounds.hard,
        currency: None,
        soft_mode: SoftMode::Warn,
        on_unavailable: OnUnavailable::Deny,
    };
    let far = limit(
        "far",
        Scope::Agent,
        Measure::Events,
        Bounds {
            soft: None,
            hard: Some(1000),
        },
    );
    let near = bounds
        .hard
        .map(|_| limit("tokens", Scope::Tenant, Measure::Tokens, bounds));
    near.into_iter().chain([far]).collect()
}

async fn record(service: &Service, events: &[Used], mode: Mode) -> Result<Vec<Answer>, Failure> {
    let options = Options {
        mode,
        age_seconds_max: AGE_SECONDS_MAX,
    };
    let outcomes = service
        .record(
            &name(TENANT),
            events.iter().copied().map(submission).collect(),
            options,
        )
        .await?;
    let answer = |outcome: Outcome| match outcome {
        Outcome::Recorded(..) => Answer::Done,
        Outcome::Replayed(_) => Answer::Replayed,
        Outcome::Denied(_) => Answer::Denied,
        Outcome::Rejected(rejection) => panic!("{rejection}"),
    };
    Ok(outcomes.into_iter().map(answer).collect())
}

async fn seal(
    service: &Service,
    batch: &str,
    events: &[Used],
    parts: Parts,
) -> Result<Vec<Answer>, Failure> {
    let part = |(index, (id, tokens)): (u32, &Used)| {
        let mut submission = submission(("e", *tokens));
        submission.event.id = name(batch).sealed_event(index);
        assert_eq!(submission.event.id.as_str(), *id);
        if parts == Parts::Each {
            submission.event.metadata = Some("x".repeat(LARGE));
        }
        SealedPart::Event(submission)
    };
    let batch = SealedBatch {
        id: name(batch),
        sent: service.now(),
        parts: (0_u32..).zip(events).map(part).collect(),
    };
    let options = Options {
        mode: Mode::Enforce,
        age_seconds_max: AGE_SECONDS_MAX,
    };
    let settled = match service.record_sealed(&name(TENANT), batch, options).await? {
        SealedOutcome::Settled(settled) => settled,
        SealedOutcome::TooFast(ruling) => panic!("{ruling:?}"),
    };
    let answer = |outcome: Option<SealedEventOutcome>| match outcome.expect("an event") {
        SealedEventOutcome::Now(Outcome::Recorded(..)) => Answer::Done,
        SealedEventOutcome::Before { .. } => Answer::Replayed,
        SealedEventOutcome::Now(Outcome::Denied(_)) | SealedEventOutcome::Refused(_) => {
            Answer::Denied
        }
        SealedEventOutcome::Now(other) => panic!("{other:?}"),
    };
    Ok(settled.into_iter().map(answer).collect())
}

async fn check_then_record(service: &Service, event: Used) -> Result<Vec<Answer>, Failure> {
    let estimate = service
        .check(&name(TENANT), submission(event).event, AGE_SECONDS_MAX)
        .await?
        .expect("a price");
    if !estimate.ruling.violations.is_empty() {
        return Ok(vec![Answer::Denied]);
    }
    record(service, &[event], Mode::Observe).await
}

async fn hold(service: &Service, event: Used) -> Result<Answer, Failure> {
    let request = HoldRequest {
        estimate: submission(event),
        ttl_seconds: TTL_SECONDS,
        max_affordable: false,
        age_seconds_max: AGE_SECONDS_MAX,
    };
    Ok(match service.take_hold(&name(TENANT), request).await? {
        HoldOutcome::Taken(..) => Answer::Done,
        HoldOutcome::Replayed(_) => Answer::Replayed,
        HoldOutcome::Denied(_) => Answer::Denied,
        other => panic!("{other:?}"),
    })
}

async fn capture(service: &Service, (id, tokens): Used) -> Result<Answer, Failure> {
    let event = submission((id, tokens)).event;
    let actual = Actual {
        id: None,
        timestamp: None,
        operation: None,
        tier: None,
        event,
    };
    Ok(
        match service
            .capture_hold(&name(TENANT), &name(id), &actual)
            .await?
        {
            CaptureOutcome::Captured {
                replayed: false, ..
            } => Answer::Done,
            CaptureOutcome::Captured { replayed: true, .. } => Answer::Replayed,
            CaptureOutcome::Closed(_) => Answer::Closed,
            other => panic!("{other:?}"),
        },
    )
}

/// The request that makes a key under this idempotency key.
pub(crate) fn question(idempotency_key: &str) -> Question {
    Question::new("", "/keys", idempotency_key, b"{}")
}

/// As `POST /keys` does: who finds an answer is told which key was made.
async fn make_key(service: &Service, idempotency_key: &str) -> Result<Answer, Failure> {
    let question = question(idempotency_key);
    if service.find_answer(&question).await?.is_some() {
        return Ok(Answer::Replayed);
    }
    let order = KeyOrder {
        tenant: Some(name(TENANT)),
        scopes: [KeyScope::Read].into(),
        expires_at: None,
        name: None,
    };
    let actor = operator();
    let made = service.create_key(order, &actor, Some(question.clone()));
    match made.await {
        Ok(_) => Ok(Answer::Done),
        Err(Failure::Answered) => {
            let stored = service.find_answer(&question).await?;
            Ok(stored.map_or(Answer::Closed, |_| Answer::Replayed))
        }
        Err(failure) => Err(failure),
    }
}

fn operator() -> Actor {
    Actor::unconditional("operator")
}

fn moved(moved: &HoldMoved) -> Answer {
    match moved {
        HoldMoved::Done(_) => Answer::Done,
        HoldMoved::Closed(_) => Answer::Closed,
    }
}

impl Act {
    /// Asks the service once.
    pub(crate) async fn ask(self, service: &Service) -> Answer {
        let tenant = name(TENANT);
        let first = |answers: Vec<Answer>| answers.into_iter().next().expect("an answer");
        let answer = match self {
            Act::Record(event) => record(service, &[event], Mode::Enforce).await.map(first),
            Act::Batch(events) => record(service, events, Mode::Enforce)
                .await
                .map(Answer::Each),
            Act::Seal(batch, events, parts) => {
                seal(service, batch, events, parts).await.map(Answer::Each)
            }
            Act::CheckThenRecord(event) => check_then_record(service, event).await.map(first),
            Act::Hold(event) => hold(service, event).await,
            Act::Capture(used) => capture(service, used).await,
            Act::Release(id) => service
                .release_hold(&tenant, &name(id))
                .await
                .map(|done| moved(&done)),
            Act::Extend(id, seconds) => service
                .extend_hold(&tenant, &name(id), seconds)
                .await
                .map(|done| moved(&done)),
            Act::Expire => service.expire_holds_of(&tenant).await.map(|_| Answer::Done),
            Act::Limit(bounds) => service
                .put_limits(&tenant, &limits(bounds), &operator())
                .await
                .map(|_| Answer::Done),
            Act::Key(idempotency_key) => make_key(service, idempotency_key).await,
            Act::Grant(id, units) => {
                let amount = Amount::whole(units).expect("an amount");
                let order = GrantOrder {
                    id: name(id),
                    amount,
                    currency: Currency::USD,
                    priority: 0,
                    expires_at: None,
                };
                service
                    .grant_credit(&tenant, &order, &operator())
                    .await
                    .map(|_| Answer::Done)
            }
        };
        match answer {
            Ok(answer) => answer,
            Err(Failure::Unavailable(_) | Failure::Contended(_)) => Answer::Unavailable,
            Err(failure) => panic!("{self:?}: {failure}"),
        }
    }

    /// What it asks to be admitted, in order.
    pub(crate) fn asked(&self) -> &[Used] {
        match self {
            Act::Record(event) | Act::Hold(event) | Act::CheckThenRecord(event) => {
                std::slice::from_ref(event)
            }
            Act::Batch(events) | Act::Seal(_, events, _) => events,
            Act::Capture(_)
            | Act::Release(_)
            | Act::Extend(..)
            | Act::Expire
            | Act::Limit(_)
            | Act::Key(_)
            | Act::Grant(..) => &[],
        }
    }
}

impl Answer {
    /// What was said of each thing that was asked for.
    pub(crate) fn each(&self) -> &[Answer] {
        match self {
            Answer::Each(answers) => answers,
            one => std::slice::from_ref(one),
        }
    }
}
