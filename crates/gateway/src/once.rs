//! Answers that were given before, to requests with an idempotency key.

use crate::app::App;
use crate::refusal::from_failure;
use crate::reply::Reply;
use tollgate_api::Problem;
use tollgate_service::Question;

/// The answer that was stored with what this request did before, if any.
///
/// # Errors
/// 422 where the key was used with another body; 503.
pub async fn answered(app: &App, question: Option<&Question>) -> Result<Option<Reply>, Problem> {
    let Some(question) = question else {
        return Ok(None);
    };
    let stored = app.service.find_answer(question).await;
    let stored = stored.map_err(|failure| from_failure(&failure))?;
    Ok(stored.map(|stored| Reply::stored(stored.status, stored.body)))
}
