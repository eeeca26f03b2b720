//! The API over HTTP.

use crate::call::{Call, target};
use crate::connection::Connection;
use crate::failure::{Failure, one_line};
use crate::problem::Problem;
use crate::retry::{Patience, is_retryable, random};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, IF_MATCH, RETRY_AFTER};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tollgate_api::List;

/// A client of the API, with one key.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    patience: Patience,
}

/// The longest that a streamed body may take.
const BODY_MAX: Duration = Duration::from_secs(24 * 3600);

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The server refused it.
    Refused(Problem),
    /// No answer came.
    Unreachable(String),
    /// The answer is not what was asked for.
    Unreadable(String),
}

/// One failed try, and the server's `Retry-After` in seconds.
struct Missed {
    error: CallError,
    again: bool,
    retry_after: Option<u64>,
}

impl Client {
    /// A client for `connection`; nothing is sent yet.
    pub(crate) fn new(connection: &Connection, patience: Patience) -> Result<Self, Failure> {
        let http = connection.client_builder()?.build();
        Ok(Self {
            http: http.map_err(|error| Failure::to("start an HTTP client", chain(&error)))?,
            base: connection
                .base_url()?
                .as_str()
                .trim_end_matches('/')
                .to_string(),
            patience,
        })
    }

    /// The answer to `call`, the body of a 2xx, after as many tries as it takes.
    pub(crate) async fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T, CallError> {
        self.send_with(call, self.patience).await
    }

    /// The answer to `call`, or `None` when there is no such thing.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        call: &Call,
    ) -> Result<Option<T>, CallError> {
        match self.send(call).await {
            Ok(body) => Ok(Some(body)),
            Err(CallError::Refused(problem)) if problem.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All items of a list, page after page.
    pub(crate) async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, CallError> {
        self.list_where(path, &[]).await
    }

    /// All items of a list that `query` picks, page after page.
    pub(crate) async fn list_where<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, Option<&str>)],
    ) -> Result<Vec<T>, CallError> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let query: Vec<_> = query
                .iter()
                .copied()
                .chain([("cursor", cursor.as_deref())])
                .collect();
            let page: List<T> = self.send(&Call::get(target(path, &query))).await?;
            items.extend(page.data);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }

    /// The answer to `call` with a patience of its own.
    pub(crate) async fn send_with<T: DeserializeOwned>(
        &self,
        call: &Call,
        patience: Patience,
    ) -> Result<T, CallError> {
        repeated(patience, async || {
            body(self.try_once(call, None).await?).await
        })
        .await
    }

    /// The answer to `call`, a 2xx, whose body is still to come and may take
    /// hours.
    pub(crate) async fn open(&self, call: &Call) -> Result<Response, CallError> {
        repeated(self.patience, async || {
            accepted(self.try_once(call, Some(BODY_MAX)).await?).await
        })
        .await
    }

    async fn try_once(&self, call: &Call, longest: Option<Duration>) -> Result<Response, Missed> {
        let mut request = self
            .http
            .request(call.method.clone(), format!("{}{}", self.base, call.target));
        if !call.body.is_empty() {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(call.body.clone());
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(version) = call.if_match {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        if let Some(longest) = longest {
            request = request.timeout(longest);
        }
        request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Missed {
        Missed {
            error: CallError::Unreachable(format!(
                "{} does not answer: {}",
                self.base,
                chain(error)
            )),
            again: !error.is_builder(),
            retry_after: None,
        }
    }
}

impl CallError {
    /// An answer that broke off.
    pub(crate) fn broken(error: reqwest::Error) -> Self {
        Self::Unreachable(format!("the answer broke off: {}", chain(&error)))
    }

    /// Whether the same call may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.is_transient(),
            Self::Unreachable(_) => true,
            Self::Unreadable(_) => false,
        }
    }

    /// Why, in one line.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Refused(problem) => problem.reason(),
            Self::Unreachable(reason) | Self::Unreadable(reason) => one_line(reason),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(problem) => {
                Self::new(format!("the server refused: {}", problem.reason()))
            }
            CallError::Unreachable(reason) | CallError::Unreadable(reason) => Self::new(reason),
        }
    }
}

/// What `once` comes to, after as many tries as it takes.
async fn repeated<T>(
    patience: Patience,
    once: impl AsyncFn() -> Result<T, Missed>,
) -> Result<T, CallError> {
    let mut attempt = 1;
    loop {
        let missed = match once().await {
            Ok(answer) => return Ok(answer),
            Err(missed) => missed,
        };
        let pause = patience.pause(attempt, missed.retry_after, random());
        let Some(pause) = pause.filter(|_| missed.again) else {
            return Err(missed.error);
        };
        tokio::time::sleep(pause).await;
        attempt = attempt.saturating_add(1);
    }
}

/// The response, if it is a 2xx.
async fn accepted(response: Response) -> Result<Response, Missed> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let status = status.as_u16();
    let problem = Problem::read(status, &text(response).await?);
    Err(Missed {
        error: CallError::Refused(problem),
        again: is_retryable(status, retry_after),
        retry_after,
    })
}

/// The body of a 2xx.
async fn body<T: DeserializeOwned>(response: Response) -> Result<T, Missed> {
    let text = text(accepted(response).await?).await?;
    // The same request would be answered the same.
    read(&text).map_err(|sentence| Missed {
        error: CallError::Unreadable(sentence),
        again: false,
        retry_after: None,
    })
}

/// What `text` says; else a sentence.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let sentence = |error| format!("the server's answer is not understood: {error}");
    serde_json::from_str(text).map_err(sentence)
}

async fn text(response: Response) -> Result<String, Missed> {
    response.text().await.map_err(|error| Missed {
        error: CallError::broken(error),
        again: true,
        retry_after: None,
    })
}

/// An error with its causes; the outermost of reqwest's repeats the address.
fn chain(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    if error.is_timeout() {
        "it took too long".to_string()
    } else {
        innermost.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_api::Purged;

    #[test]
    fn an_answer_of_another_form_is_told_and_not_asked_for_again() {
        for text in [
            "",
            "<html>",
            "{}",
            r#"{"status":"purged","removed":"many"}"#,
        ] {
            let error = CallError::Unreadable(read::<Purged>(text).unwrap_err());
            let reason = error.reason();
            assert!(
                reason.starts_with("the server's answer is not understood: "),
                "{reason}"
            );
            assert!(!error.is_transient());
        }
    }
}
