//! `POST /usage`, `/usage/batch` and `/usage/validate`: the ASAP form.

use crate::submit::{permitted, submission};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_api::{
    Kind, NewEvent, Problem, RecordedWord, UsageBatchRecorded, UsageRecorded, Validity, parse_asap,
    parse_asap_batch, parse_either,
};
use tollgate_core::{Mode, Name};
use tollgate_gateway::{App, Call, Handled, Reply, from_failure, from_rejection};
use tollgate_service::{AGE_SECONDS_MAX, Options, Outcome, Rejection, Submission};

/// What the ASAP form records has already happened.
const OPTIONS: Options = Options {
    mode: Mode::Observe,
    age_seconds_max: AGE_SECONDS_MAX,
};

/// Records one ASAP event, once by its content.
pub(crate) async fn post_usage(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let event = parse_asap(&call.body)?;
    let tenant = call.caller()?.tenant_to_write(event.tenant.as_ref())?;
    let submission = submission(&call, event, None)?;
    let event = submission.event.clone();
    let outcomes = app
        .service
        .record(&tenant, vec![submission], OPTIONS)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let body = UsageRecorded {
        status: RecordedWord::Recorded,
        task_id: event.task.clone(),
        event_id: event.id.clone(),
    };
    match outcomes.into_iter().next() {
        Some(Outcome::Recorded(..)) => Ok(Reply::created(&body)),
        Some(Outcome::Replayed(_)) => Ok(Reply::ok(&body)),
        Some(Outcome::Denied(ruling)) => Err(Problem::denied(&tenant, &ruling, call.now)),
        Some(Outcome::Rejected(rejection)) => Err(invalid("", &event.id, &rejection)),
        None => Err(Problem::internal()),
    }
}

/// Records ASAP events, all or none of them: what could be refused is refused
/// before the first is recorded.
pub(crate) async fn post_usage_batch(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let events = parse_asap_batch(&call.body)?;
    let tasks = events.iter().map(|event| event.contents().task.clone());
    let task_ids: Vec<Option<Name>> = tasks.collect();
    let mut by_tenant: BTreeMap<Name, (Vec<usize>, Vec<Submission>)> = BTreeMap::new();
    for (index, event) in events.into_iter().enumerate() {
        let tenant = call.caller()?.tenant_to_write(event.tenant.as_ref())?;
        let (places, submissions) = by_tenant.entry(tenant).or_default();
        places.push(index);
        submissions.push(submission(&call, event, None)?);
    }
    for (tenant, (places, submissions)) in &by_tenant {
        let judged = app
            .service
            .judge(tenant, submissions, OPTIONS)
            .await
            .map_err(|failure| from_failure(&failure))?;
        for ((index, submission), judged) in places.iter().zip(submissions).zip(judged) {
            judged.map_err(|rejection| {
                invalid(
                    &format!("/events/{index}"),
                    &submission.event.id,
                    &rejection,
                )
            })?;
        }
    }
    for (tenant, (_, submissions)) in by_tenant {
        app.service
            .record(&tenant, submissions, OPTIONS)
            .await
            .map_err(|failure| from_failure(&failure))?;
    }
    Ok(Reply::created(&UsageBatchRecorded {
        status: RecordedWord::Recorded,
        count: task_ids.len(),
        task_ids,
    }))
}

/// A refusal as a 400, as this form answers every bad event.
fn invalid(pointer: &str, id: &Name, rejection: &Rejection) -> Problem {
    let mut problem = from_rejection(id, rejection);
    if ![Kind::EventIdReused, Kind::StoreUnavailable].contains(&problem.kind) {
        problem.kind = Kind::InvalidRequest;
    }
    for error in &mut problem.errors {
        error.pointer = format!("{pointer}{}", error.pointer);
    }
    problem
}

/// Says whether an event of either form would be accepted, and its price;
/// records nothing.
pub(crate) async fn post_usage_validate(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let event = match parse_either(&call.body) {
        Ok(event) => event,
        Err(problem) => return Ok(Reply::ok(&Validity::refused(&problem))),
    };
    let tenant = call.caller()?.tenant_to_write(event.tenant.as_ref())?;
    match validated(&app, &call, &tenant, event).await {
        Ok(body) => Ok(Reply::ok(&body)),
        Err(problem) if problem.kind == Kind::StoreUnavailable => Err(problem),
        Err(problem) => Ok(Reply::ok(&Validity::refused(&problem))),
    }
}

async fn validated(
    app: &App,
    call: &Call,
    tenant: &Name,
    event: NewEvent,
) -> Result<Validity, Problem> {
    permitted(call.caller()?, &event)?;
    let submissions = [submission(call, event, None)?];
    // What has no price is refused where limits hold.
    let options = Options {
        mode: Mode::Enforce,
        ..OPTIONS
    };
    let judged = app.service.judge(tenant, &submissions, options);
    let judged = judged.await.map_err(|failure| from_failure(&failure))?;
    let [submission] = submissions;
    let event = submission.event;
    let judged = judged.into_iter().next().ok_or_else(Problem::internal)?;
    let priced = judged.map_err(|rejection| from_rejection(&event.id, &rejection))?;
    Ok(Validity::accepted(&event, &priced))
}
