//! `POST /events` and `POST /events/batch`.

use crate::sealed::post_sealed;
use crate::submit::{Asked, asked, count, options, permitted, submission};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_api::{
    BatchAnswer, BatchRecord, NewBatch, NewEvent, Problem, Recorded, Telling, parse_batch,
    parse_cloud_batch, parse_cloud_event, parse_event,
};
use tollgate_core::{Event, Name};
use tollgate_gateway::{App, Call, Handled, Reply, from_failure, from_rejection};
use tollgate_service::{Outcome, Rejection, Submission};

const CLOUD_EVENT: &str = "application/cloudevents+json";
const CLOUD_BATCH: &str = "application/cloudevents-batch+json";

/// Records one event: priced, tested against every limit and counted in one
/// transaction, once by its id.
pub(crate) async fn post_events(app: Arc<App>, call: Call) -> Handled {
    let asked = asked(&call)?;
    let event = match call.media_type().as_str() {
        CLOUD_BATCH => {
            return Err(Problem::unsupported_media_type(
                "one event; a batch goes to `POST /events/batch`",
            ));
        }
        CLOUD_EVENT => parse_cloud_event(&call.body)?,
        _ => parse_event(&call.body)?,
    };
    let caller = call.caller()?;
    let tenant = caller.tenant_to_write(event.tenant.as_ref())?;
    permitted(caller, &event)?;
    let derived = if event.id.is_none() {
        call.id_from_key(&tenant, "POST /events")?
    } else {
        None
    };
    let by_key = derived.is_some();
    let submission = submission(&call, event, derived)?;
    let event = submission.event.clone();
    let options = options(&app.service, &tenant, caller, &asked).await?;
    let outcomes = app
        .service
        .record(&tenant, vec![submission], options)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let outcome = outcomes.into_iter().next().ok_or_else(Problem::internal)?;
    count(&app, &asked, &outcome);
    answer(&app, &call, &tenant, &event, outcome, by_key).await
}

async fn answer(
    app: &App,
    call: &Call,
    tenant: &Name,
    event: &Event,
    outcome: Outcome,
    by_key: bool,
) -> Handled {
    match outcome {
        Outcome::Recorded(answer, ruling) => {
            let passed = [ruling.violations, ruling.warnings].concat();
            let recorded = Recorded::new(event, &answer, Telling::First, &passed, app.hash());
            Ok(Reply::created(&recorded))
        }
        Outcome::Replayed(answer) => {
            let voided = app.service.find_voided(tenant, &[&event.id]).await;
            let voided = voided.map_err(|failure| from_failure(&failure))?;
            let telling = Telling::Again {
                voided: !voided.is_empty(),
            };
            let recorded = Recorded::new(event, &answer, telling, &[], app.hash());
            Ok(Reply::ok(&recorded))
        }
        Outcome::Denied(ruling) => Err(Problem::denied(tenant, &ruling, call.now)),
        Outcome::Rejected(Rejection::Reused) if by_key => Err(Problem::idempotency_key_reused()),
        Outcome::Rejected(rejection) => Err(from_rejection(&event.id, &rejection)),
    }
}

/// Records up to 1000 events in order, each on its own: one that is bad or
/// denied is rejected alone. Sending the batch again converges.
pub(crate) async fn post_events_batch(app: Arc<App>, call: Call) -> Handled {
    let asked = asked(&call)?;
    let parsed = match call.media_type().as_str() {
        CLOUD_EVENT => {
            return Err(Problem::unsupported_media_type(
                "a batch; one event goes to `POST /events`",
            ));
        }
        CLOUD_BATCH => parse_cloud_batch(&call.body)?,
        _ => match parse_batch(&call.body)? {
            NewBatch::Events(events) => events,
            NewBatch::Sealed(id, elements) => {
                return post_sealed(&app, &call, &asked, id, elements).await;
            }
        },
    };
    refuse_key_without_ids(&call, &parsed)?;
    let mut records: Vec<BatchRecord> = Vec::with_capacity(parsed.len());
    let mut by_tenant: BTreeMap<Name, Vec<(usize, Submission)>> = BTreeMap::new();
    for (index, event) in parsed.into_iter().enumerate() {
        let event_id = event.as_ref().ok().and_then(|event| event.id.clone());
        let admitted = event.and_then(|event| admit(&call, event));
        let (event_id, outcome) = match admitted {
            Ok((tenant, submission)) => {
                let id = submission.event.id.clone();
                by_tenant
                    .entry(tenant)
                    .or_default()
                    .push((index, submission));
                (
                    Some(id),
                    tollgate_api::Outcome::Rejected(Problem::internal()),
                )
            }
            Err(problem) => (event_id, tollgate_api::Outcome::Rejected(problem)),
        };
        records.push(BatchRecord {
            event_id,
            outcome,
            voided: false,
        });
    }
    for (tenant, submissions) in by_tenant {
        record(&app, &call, &tenant, submissions, &asked, &mut records).await?;
    }
    Ok(Reply::ok(&BatchAnswer::new(&records)))
}

/// Of a batch, the header protects nothing: who sends one relies on it, so that
/// each event has to have the id that does.
fn refuse_key_without_ids(
    call: &Call,
    parsed: &[Result<NewEvent, Problem>],
) -> Result<(), Problem> {
    if call.idempotency_key()?.is_none() {
        return Ok(());
    }
    let without_id =
        |event: &Result<NewEvent, Problem>| event.as_ref().is_ok_and(|event| event.id.is_none());
    match parsed.iter().position(without_id) {
        None => Ok(()),
        Some(index) => Err(Problem::invalid_request(
            format!("/events/{index}/id"),
            "is needed: of a batch, ids protect a retry and no `Idempotency-Key` does",
        )),
    }
}

fn admit(call: &Call, event: NewEvent) -> Result<(Name, Submission), Problem> {
    let caller = call.caller()?;
    let tenant = caller.tenant_to_write(event.tenant.as_ref())?;
    permitted(caller, &event)?;
    Ok((tenant, submission(call, event, None)?))
}

async fn record(
    app: &App,
    call: &Call,
    tenant: &Name,
    submissions: Vec<(usize, Submission)>,
    asked: &Asked,
    records: &mut [BatchRecord],
) -> Result<(), Problem> {
    let options = options(&app.service, tenant, call.caller()?, asked).await?;
    let (places, submissions): (Vec<usize>, Vec<Submission>) = submissions.into_iter().unzip();
    let mut replayed = BTreeMap::new();
    let outcomes = app
        .service
        .record(tenant, submissions, options)
        .await
        .map_err(|failure| from_failure(&failure))?;
    for (place, outcome) in places.into_iter().zip(outcomes) {
        let Some(record) = records.get_mut(place) else {
            continue;
        };
        count(app, asked, &outcome);
        record.outcome = match (outcome, &record.event_id) {
            (Outcome::Recorded(answer, _), _) => tollgate_api::Outcome::Recorded(answer),
            (Outcome::Replayed(answer), id) => {
                replayed.extend(id.clone().map(|id| (place, id)));
                tollgate_api::Outcome::Replayed(answer)
            }
            (Outcome::Denied(ruling), _) => {
                tollgate_api::Outcome::Rejected(Problem::denied(tenant, &ruling, call.now))
            }
            (Outcome::Rejected(rejection), Some(id)) => {
                tollgate_api::Outcome::Rejected(from_rejection(id, &rejection))
            }
            (Outcome::Rejected(_), None) => tollgate_api::Outcome::Rejected(Problem::internal()),
        };
    }
    mark_voided(app, tenant, &replayed, records).await
}

/// Says of what is replayed for `tenant`, by its places, whether it was taken back since.
async fn mark_voided(
    app: &App,
    tenant: &Name,
    replayed: &BTreeMap<usize, Name>,
    records: &mut [BatchRecord],
) -> Result<(), Problem> {
    let ids: Vec<&Name> = replayed.values().collect();
    let voided = app.service.find_voided(tenant, &ids).await;
    let voided = voided.map_err(|failure| from_failure(&failure))?;
    for (place, id) in replayed {
        if let Some(record) = records.get_mut(*place) {
            record.voided = voided.contains(id);
        }
    }
    Ok(())
}
