//! `/keys`.

use std::sync::Arc;
use tollgate_api::{Key, List, MadeKey, Params, Problem, parse_key};
use tollgate_gateway::{App, Call, Handled, Reply, from_failure};
use tollgate_service::{Failure, KeyRecord, Question};

const QUESTION: &str = "GET /keys";
const ROUTE: &str = "/keys";

/// Makes a key and shows it, this once. A repeat under the same idempotency
/// key says which key it made, never the key.
pub(crate) async fn post_keys(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let order = parse_key(&call.body)?;
    let failed = |failure: Failure| from_failure(&failure);
    let question = call.question(ROUTE)?;
    if let Some(question) = &question
        && let Some(stored) = app.service.find_answer(question).await.map_err(failed)?
    {
        return Err(Problem::key_repeated(&stored.body));
    }
    let actor = call.caller()?.actor();
    let (record, key) = match app
        .service
        .create_key(order, &actor, question.clone())
        .await
    {
        // Who lost the race is told which key the winner made.
        Err(Failure::Answered) => return Err(repeated(&app, question).await?),
        made => made.map_err(failed)?,
    };
    let about = about(record);
    Ok(Reply::created(&MadeKey { about, key }))
}

async fn repeated(app: &App, question: Option<Question>) -> Result<Problem, Problem> {
    let failed = |failure: Failure| from_failure(&failure);
    let stored = match &question {
        Some(question) => app.service.find_answer(question).await.map_err(failed)?,
        None => None,
    };
    Ok(stored.map_or_else(
        || failed(Failure::Answered),
        |stored| Problem::key_repeated(&stored.body),
    ))
}

fn about(record: KeyRecord) -> Key {
    Key {
        key_id: record.id,
        tenant_id: record.tenant,
        scopes: record.scopes,
        name: record.name,
        created_at: record.created,
        expires_at: record.expires,
        revoked_at: record.revoked,
    }
}

/// All keys, by id; never their secrets.
pub(crate) async fn get_keys(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(Params::PAGING)?;
    let limit = params.limit(100, 1000)?;
    let failed = |failure: Failure| from_failure(&failure);
    let after = params
        .text("cursor")
        .map(|cursor| app.service.position(QUESTION, cursor))
        .transpose()
        .map_err(failed)?;
    let (records, more) = app
        .service
        .list_keys(after.as_deref(), limit)
        .await
        .map_err(failed)?;
    let next = records
        .last()
        .filter(|_| more)
        .map(|record| app.service.cursor(QUESTION, &record.id));
    let data = records.into_iter().map(about).collect();
    Ok(Reply::ok(&List::new(data, next)))
}

/// Ends a key. Safe to repeat.
pub(crate) async fn delete_key(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let id = call.path_name("key_id", "key")?;
    let actor = call.caller()?.actor();
    let record = app
        .service
        .revoke_key(id.as_str(), &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    Ok(Reply::ok(&about(record)))
}
