//! From parsed events to submissions: whose they are, and what the caller may.

use tollgate_api::{NewEvent, Problem};
use tollgate_core::{Config, KeyScope, Mode, Name};
use tollgate_gateway::{App, Call, Caller, from_failure};
use tollgate_service::{AGE_SECONDS_MAX, Options, Outcome, Service, Submission, ulid};

/// The oldest event that an agent's key may record, in seconds.
const ENFORCE_AGE_SECONDS_MAX: i64 = 300;

/// The mode and backfill that the query asks for.
pub(crate) struct Asked {
    mode: Mode,
    backfill: bool,
}

impl Asked {
    /// Whether limits hold.
    pub(crate) fn enforces(&self) -> bool {
        self.mode == Mode::Enforce
    }
}

/// Reads `?mode=` and `?backfill=`.
pub(crate) fn asked(call: &Call) -> Result<Asked, Problem> {
    let params = call.params(&["mode", "backfill"])?;
    let mode = params
        .one_of(
            "mode",
            &[("enforce", Mode::Enforce), ("observe", Mode::Observe)],
        )?
        .unwrap_or(Mode::Enforce);
    let backfill = params.flag("backfill")?;
    let caller = call.caller()?;
    if mode == Mode::Observe && !caller.may(KeyScope::Ingest) {
        return Err(Problem::forbidden(
            "observe mode needs a key with scope `ingest`",
        ));
    }
    if backfill && !caller.is_operator() {
        return Err(Problem::forbidden(
            "backfill needs a key with scope `operator`",
        ));
    }
    Ok(Asked { mode, backfill })
}

/// How the service is to record for `tenant`.
pub(crate) async fn options(
    service: &Service,
    tenant: &Name,
    caller: &Caller,
    asked: &Asked,
) -> Result<Options, Problem> {
    let age_seconds_max = if asked.backfill {
        let config: Config = service
            .read_config(tenant)
            .await
            .map_err(|failure| from_failure(&failure))?;
        let now = service.now();
        now.unix_seconds()
            .saturating_sub(config.earliest(now).unix_seconds())
    } else if caller.may(KeyScope::Ingest) {
        AGE_SECONDS_MAX
    } else {
        ENFORCE_AGE_SECONDS_MAX
    };
    Ok(Options {
        mode: asked.mode,
        age_seconds_max,
    })
}

/// What the caller may not say of an event.
pub(crate) fn permitted(caller: &Caller, event: &NewEvent) -> Result<(), Problem> {
    if event.contents().cost_override.is_some() && !caller.may(KeyScope::Price) {
        return Err(Problem::forbidden(
            "`cost_override` needs a key with scope `price`",
        ));
    }
    Ok(())
}

/// The event under its own id, else `fallback`, else a new one.
pub(crate) fn submission(
    call: &Call,
    event: NewEvent,
    fallback: Option<Name>,
) -> Result<Submission, Problem> {
    let id = match event.id.clone().or(fallback) {
        Some(id) => id,
        None => Name::new(&format!("evt-{}", ulid(call.now))).map_err(|_| Problem::internal())?,
    };
    let timestamp_given = event.timestamp.is_some();
    Ok(Submission {
        event: event.into_event(id, call.now),
        timestamp_given,
    })
}

/// Counts what limits decided of an event. Replays were counted before, and
/// observe mode asks limits for nothing.
pub(crate) fn count(app: &App, asked: &Asked, outcome: &Outcome) {
    match outcome {
        Outcome::Recorded(answer, ruling) if asked.enforces() => {
            app.metrics.decided(answer.decision, ruling)
        }
        Outcome::Denied(ruling) if asked.enforces() => app.metrics.decided(ruling.decision, ruling),
        _ => {}
    }
}
