//! `POST /events/batch` with a `batch_id`: the batch counts once.

use crate::submit::{Asked, count, options, permitted};
use tollgate_api::{BadElement, BatchAnswer, BatchRecord, NewEvent, Outcome as Told, Problem};
use tollgate_core::Name;
use tollgate_gateway::{App, Call, Handled, Reply, from_failure, from_rejection};
use tollgate_service::{
    Outcome, SealedBatch, SealedEventOutcome, SealedOutcome, SealedPart, Submission,
};

/// Records a sealed batch of one tenant. Sending it again gives the same results.
pub(crate) async fn post_sealed(
    app: &App,
    call: &Call,
    asked: &Asked,
    id: Name,
    elements: Vec<Result<NewEvent, BadElement>>,
) -> Handled {
    let tenant = tenant_of(call, &elements)?;
    let caller = call.caller()?;
    for event in elements.iter().flatten() {
        permitted(caller, event)?;
    }
    let options = options(&app.service, &tenant, caller, asked).await?;
    let mut records = Vec::with_capacity(elements.len());
    let mut parts = Vec::with_capacity(elements.len());
    for (index, element) in (0_u32..).zip(elements) {
        let event_id = id.sealed_event(index);
        let (part, problem) = match element {
            Ok(event) => {
                let timestamp_given = event.timestamp.is_some();
                let event = event.into_event(event_id.clone(), call.now);
                let submission = Submission {
                    event,
                    timestamp_given,
                };
                (SealedPart::Event(submission), Problem::internal())
            }
            Err(bad) => (SealedPart::Other(bad.text), bad.problem),
        };
        parts.push(part);
        records.push(BatchRecord {
            event_id: Some(event_id),
            outcome: Told::Rejected(problem),
            voided: false,
        });
    }
    let sent = call.now;
    let sealed = SealedBatch { id, sent, parts };
    let recorded = app.service.record_sealed(&tenant, sealed, options).await;
    let outcomes = match recorded.map_err(|failure| from_failure(&failure))? {
        SealedOutcome::Settled(outcomes) => outcomes,
        SealedOutcome::TooFast(ruling) => {
            count(app, asked, &Outcome::Denied(ruling.clone()));
            return Err(Problem::denied(&tenant, &ruling, call.now));
        }
    };
    for (record, outcome) in records.iter_mut().zip(outcomes) {
        if let Some(outcome) = outcome {
            tell(app, call, asked, &tenant, record, outcome);
        }
    }
    Ok(Reply::ok(&BatchAnswer::new(&records)))
}

/// The one tenant whose batch it is.
fn tenant_of(call: &Call, elements: &[Result<NewEvent, BadElement>]) -> Result<Name, Problem> {
    let named = || {
        elements
            .iter()
            .flatten()
            .filter_map(|event| event.tenant.as_ref())
    };
    let tenant = call.caller()?.tenant_to_write(named().next())?;
    let other = |element: &Result<NewEvent, BadElement>| {
        let event = element.as_ref().ok();
        event.is_some_and(|event| event.tenant.as_ref().is_some_and(|named| *named != tenant))
    };
    match elements.iter().position(other) {
        Some(index) => {
            let pointer = format!("/events/{index}/tenant_id");
            let message = "must be the batch's tenant: it is of one";
            Err(Problem::invalid_event(pointer, message))
        }
        None => Ok(tenant),
    }
}

fn tell(
    app: &App,
    call: &Call,
    asked: &Asked,
    tenant: &Name,
    record: &mut BatchRecord,
    outcome: SealedEventOutcome,
) {
    if let SealedEventOutcome::Now(outcome) = &outcome {
        count(app, asked, outcome);
    }
    record.outcome = match outcome {
        SealedEventOutcome::Now(Outcome::Recorded(answer, _)) => Told::Recorded(answer),
        SealedEventOutcome::Now(Outcome::Replayed(answer)) => Told::Replayed(answer),
        SealedEventOutcome::Now(Outcome::Denied(ruling)) => {
            Told::Rejected(Problem::denied(tenant, &ruling, call.now))
        }
        SealedEventOutcome::Now(Outcome::Rejected(rejection)) => match &record.event_id {
            Some(id) => Told::Rejected(from_rejection(id, &rejection)),
            None => Told::Rejected(Problem::internal()),
        },
        SealedEventOutcome::Before { answer, voided } => {
            record.voided = voided;
            answer.map_or(Told::Forgotten, Told::Replayed)
        }
        SealedEventOutcome::Refused(refused) => Told::Rejected(Problem::refused_before(&refused)),
    };
}
