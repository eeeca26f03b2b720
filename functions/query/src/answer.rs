//! What answers have in common: whom and when they are of, and what they weigh.

use tollgate_api::{Params, Problem};
use tollgate_core::{Currency, Name};
use tollgate_gateway::{App, Call, from_failure};
use tollgate_service::Failure;

/// What is listed of an answer ends before it weighs more than this many bytes
/// where answers are not streamed; Lambda answers with 6 MB at most.
pub(crate) const PART_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The problem that a failure is answered with.
pub(crate) fn failed(failure: Failure) -> Problem {
    from_failure(&failure)
}

/// The tenant's currency.
pub(crate) async fn currency(app: &App, tenant: &Name) -> Result<Currency, Problem> {
    let config = app.service.read_config(tenant).await.map_err(failed)?;
    Ok(config.currency.unwrap_or(Currency::USD))
}

/// The tenant that the key or `?tenant_id=` names.
pub(crate) fn tenant(call: &Call, params: &Params) -> Result<Name, Problem> {
    call.caller()?.tenant_to_read(params.tenant()?.as_ref())
}

/// The length of `text` inside the JSON string that Lambda makes of an answer.
pub(crate) fn weight(text: &str) -> usize {
    let escaped = text
        .bytes()
        .filter(|byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\n'))
        .count();
    text.len().saturating_add(escaped)
}
