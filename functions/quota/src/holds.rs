//! `/holds`.

use std::sync::Arc;
use tollgate_api::{
    Captured, List, Params, Problem, Recorded, TakenHold, Telling, parse_capture, parse_extension,
    parse_hold, parse_release,
};
use tollgate_core::{Hold, KeyScope, Name};
use tollgate_gateway::{App, Call, Caller, Handled, Reply, from_failure, from_rejection};
use tollgate_service::{
    AGE_SECONDS_MAX, CaptureOutcome, Failure, HoldMoved, HoldOutcome, HoldRequest, Submission, ulid,
};

const TENANT: &[&str] = &["tenant_id"];
/// The oldest estimate that an agent's key may hold, in seconds.
const ENFORCE_AGE_SECONDS_MAX: i64 = 300;

/// Holds an estimate: priced, tested against every limit and counted in one
/// transaction, once by its id.
pub(crate) async fn post_holds(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(TENANT)?;
    let asked = parse_hold(&call.body)?;
    let caller = call.caller()?;
    let tenant = tenant_to_write(&call, &params, asked.estimate.tenant.as_ref())?;
    permitted(caller, asked.estimate.contents().cost_override.is_some())?;
    let derived = if asked.id.is_none() {
        call.id_from_key(&tenant, "POST /holds")?
    } else {
        None
    };
    let by_key = derived.is_some();
    let id = match asked.id.or(derived) {
        Some(id) => id,
        None => Name::new(&format!("hold-{}", ulid(call.now))).map_err(|_| Problem::internal())?,
    };
    let timestamp_given = asked.estimate.timestamp.is_some();
    let estimate = Submission {
        event: asked.estimate.into_event(id.clone(), call.now),
        timestamp_given,
    };
    let age_seconds_max = if caller.may(KeyScope::Ingest) {
        AGE_SECONDS_MAX
    } else {
        ENFORCE_AGE_SECONDS_MAX
    };
    let request = HoldRequest {
        estimate,
        ttl_seconds: asked.ttl_seconds,
        max_affordable: asked.max_affordable,
        age_seconds_max,
    };
    let outcome = app
        .service
        .take_hold(&tenant, request)
        .await
        .map_err(failed)?;
    if let HoldOutcome::Taken(_, ruling) | HoldOutcome::Denied(ruling) = &outcome {
        app.metrics.decided(ruling.decision, ruling);
    }
    let shown = |hold: &Hold| tollgate_api::Hold::new(hold, call.now, app.hash());
    match outcome {
        HoldOutcome::Taken(hold, ruling) => Ok(Reply::created(&TakenHold::new(
            shown(&hold),
            false,
            false,
            &ruling.limits,
        ))),
        HoldOutcome::Replayed(hold) => {
            Ok(Reply::ok(&TakenHold::new(shown(&hold), true, false, &[])))
        }
        HoldOutcome::Degraded(hold) => Ok(Reply::created(&TakenHold::new(
            shown(&hold),
            false,
            true,
            &[],
        ))),
        HoldOutcome::Reused if by_key => Err(Problem::idempotency_key_reused()),
        HoldOutcome::Reused => Err(Problem::hold_id_reused(&id)),
        HoldOutcome::Recorded(event) => Err(Problem::event_id_reused(&event)),
        HoldOutcome::Denied(ruling) => Err(Problem::denied(&tenant, &ruling, call.now)),
        HoldOutcome::Rejected(rejection) => Err(within_event(from_rejection(&id, &rejection))),
    }
}

/// Books what was used for a hold, also above it, and frees the rest.
pub(crate) async fn post_hold_capture(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(TENANT)?;
    let (named, actual) = parse_capture(&call.body)?;
    let tenant = tenant_to_write(&call, &params, named.as_ref())?;
    permitted(call.caller()?, actual.event.cost_override.is_some())?;
    let id = call.path_name("hold_id", "hold")?;
    match app
        .service
        .capture_hold(&tenant, &id, &actual)
        .await
        .map_err(failed)?
    {
        CaptureOutcome::Captured {
            hold,
            event,
            answer,
            late,
            lacks_tier,
            unpriced,
            replayed,
        } => {
            let telling = if replayed {
                let voided = app.service.find_voided(&tenant, &[&event.id]).await;
                Telling::Again {
                    voided: !voided.map_err(failed)?.is_empty(),
                }
            } else {
                Telling::First
            };
            let mut recorded = Recorded::new(&event, &answer, telling, &[], app.hash());
            recorded.warn_of_price(lacks_tier.as_ref(), unpriced);
            let body = Captured::new(recorded, &hold, &event, late);
            Ok(if replayed {
                Reply::ok(&body)
            } else {
                Reply::created(&body)
            })
        }
        CaptureOutcome::Closed(hold) => Err(closed(&app, &hold, &call)),
        CaptureOutcome::Mismatched(mismatch) => Err(Problem::hold_mismatch(&mismatch)),
        CaptureOutcome::Rejected(event, rejection) => {
            Err(within_event(from_rejection(&event, &rejection)))
        }
    }
}

/// Gives back what a hold holds. Safe to repeat.
pub(crate) async fn post_hold_release(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(TENANT)?;
    let named = parse_release(&call.body)?;
    let tenant = tenant_to_write(&call, &params, named.as_ref())?;
    let id = call.path_name("hold_id", "hold")?;
    moved(
        &app,
        &call,
        app.service
            .release_hold(&tenant, &id)
            .await
            .map_err(failed)?,
    )
}

/// Lets a hold live longer. Safe to repeat.
pub(crate) async fn post_hold_extend(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(TENANT)?;
    let (named, ttl_seconds) = parse_extension(&call.body)?;
    let tenant = tenant_to_write(&call, &params, named.as_ref())?;
    let id = call.path_name("hold_id", "hold")?;
    moved(
        &app,
        &call,
        app.service
            .extend_hold(&tenant, &id, ttl_seconds)
            .await
            .map_err(failed)?,
    )
}

/// One hold.
pub(crate) async fn get_hold(app: Arc<App>, call: Call) -> Handled {
    let tenant = tenant_to_read(&call, &call.params(TENANT)?)?;
    let id = call.path_name("hold_id", "hold")?;
    let hold = app.service.read_hold(&tenant, &id).await.map_err(failed)?;
    Ok(Reply::ok(&tollgate_api::Hold::new(
        &hold,
        call.now,
        app.hash(),
    )))
}

/// The open holds, by expiry.
pub(crate) async fn get_holds(app: Arc<App>, call: Call) -> Handled {
    let params = Params::parse_any(call.query.as_deref(), &[TENANT, Params::PAGING, &["state"]])?;
    let tenant = tenant_to_read(&call, &params)?;
    params.one_of("state", &[("open", ())])?;
    let limit = params.limit(100, 1000)?;
    let question = format!("GET /holds {tenant}");
    let after = params
        .text("cursor")
        .map(|cursor| app.service.position(&question, cursor))
        .transpose()
        .map_err(failed)?;
    let (holds, next) = app
        .service
        .list_open_holds(&tenant, after.as_deref(), limit)
        .await
        .map_err(failed)?;
    let shown = |hold| tollgate_api::Hold::new(hold, call.now, app.hash());
    let data = holds.iter().map(shown).collect();
    let next = next.map(|next| app.service.cursor(&question, &next));
    Ok(Reply::ok(&List::new(data, next)))
}

fn failed(failure: Failure) -> Problem {
    from_failure(&failure)
}

fn permitted(caller: &Caller, overrides: bool) -> Result<(), Problem> {
    if overrides && !caller.may(KeyScope::Price) {
        return Err(Problem::forbidden(
            "`cost_override` needs a key with scope `price`",
        ));
    }
    Ok(())
}

/// The tenant that the key, the body or `?tenant_id=` names; all that name one
/// must agree.
fn tenant_to_write(call: &Call, params: &Params, in_body: Option<&Name>) -> Result<Name, Problem> {
    let in_query = params.tenant()?;
    if let (Some(query), Some(body)) = (&in_query, in_body)
        && query != body
    {
        return Err(Problem::invalid_request(
            "?tenant_id",
            "names another tenant than the body",
        ));
    }
    call.caller()?
        .tenant_to_write(in_query.as_ref().or(in_body))
}

fn tenant_to_read(call: &Call, params: &Params) -> Result<Name, Problem> {
    call.caller()?.tenant_to_read(params.tenant()?.as_ref())
}

fn moved(app: &App, call: &Call, moved: HoldMoved) -> Handled {
    match moved {
        HoldMoved::Done(hold) => Ok(Reply::ok(&tollgate_api::Hold::new(
            &hold,
            call.now,
            app.hash(),
        ))),
        HoldMoved::Closed(hold) => Err(closed(app, &hold, call)),
    }
}

fn closed(app: &App, hold: &Hold, call: &Call) -> Problem {
    // It may have expired since the request came.
    let now = app.service.now().max(call.now);
    Problem::hold_closed(hold.id(), hold.state(now))
}

/// The same problem where the event is a field of the body.
fn within_event(mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        error.pointer = format!("/event{}", error.pointer);
    }
    problem
}
