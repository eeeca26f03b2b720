//! Clients over real HTTP, each on a thread of its own.

use serde_json::Value;
use std::net::SocketAddr;
use tokio::task::JoinHandle;
use tollgate_gateway::DEFAULT_HASH;
use tollgate_tests::TestApp;

/// A connection to a service, with an operator's key.
#[derive(Clone)]
pub(crate) struct Wire {
    client: reqwest::Client,
    address: SocketAddr,
    key: String,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Wire {
    /// A connection of its own to a test app.
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::with(address, TestApp::operator())
    }

    /// A connection of its own with `key`.
    pub(crate) fn with(address: SocketAddr, key: &str) -> Self {
        Self {
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
            address,
            key: key.to_owned(),
        }
    }

    /// Sends a request once.
    ///
    /// # Errors
    /// When no whole answer came back.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Answer, reqwest::Error> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self
            .client
            .request(method, format!("http://{}{path}", self.address));
        let request = request
            .header("authorization", format!("Bearer {}", self.key))
            .header("x-constitutional-hash", DEFAULT_HASH);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let response = request
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
        Ok(Answer { status, body })
    }

    /// Sends a request until the store takes it.
    pub(crate) async fn settled(&self, method: &str, path: &str, body: &Value) -> Answer {
        loop {
            let answer = self.ask(method, path, body).await.expect("an answer");
            if answer.status != 503 {
                return answer;
            }
        }
    }
}

/// Runs `work` on a thread of its own, with a runtime of its own.
pub(crate) fn thread<F, T>(work: F) -> JoinHandle<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(work)
    })
}
