//! What a sealed run must not do twice: send another version of a file.

use super::batch::Seal;
use super::trace::Survey;
use crate::call::{Call, target};
use crate::client::{CallError, Client};
use crate::failure::Failure;
use tollgate_api::{List, StoredEvent};
use tollgate_core::{Instant, Name};

/// Refuses to go on where an event at the time of the file's first row came of a sealed
/// run of another version of a file of this name: its events would count beside those of
/// this one. Where the key may not read, or rows have no times, nothing is known.
pub(crate) async fn refuse_other_version(
    client: &Client,
    tenant: &Name,
    survey: &Survey,
    seal: &Seal,
) -> Result<(), Failure> {
    let Some(first) = survey.first.timestamp else {
        return Ok(());
    };
    let (start, end) = (first.to_string(), after(first).to_string());
    let range = [
        ("tenant_id", Some(tenant.as_str())),
        ("start", Some(start.as_str())),
        ("end", Some(end.as_str())),
        ("limit", Some("1000")),
    ];
    let found: List<StoredEvent> = match client.send(&Call::get(target("/usage", &range))).await {
        Ok(found) => found,
        Err(CallError::Refused(problem)) if problem.status == 403 => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut ids = found.data.iter().map(|event| &event.id);
    match ids.find(|id| seal.is_other_version(id.as_str())) {
        Some(other) => Err(Failure::new(format!(
            "another version of the file, or another --batch, was sent sealed before \
             (event `{other}`): its events would count beside these; --again sends them all the same"
        ))),
        None => Ok(()),
    }
}

/// The second behind that of `at`.
fn after(at: Instant) -> Instant {
    at.plus_seconds(1)
}
