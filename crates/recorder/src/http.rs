//! Batches over HTTP.

use crate::clock;
use crate::transport::{Reply, Transport, Unreachable};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect;
use std::time::Duration;
use url::{Host, Url};

/// The constitutional hash that is sent unless another is set.
pub const DEFAULT_HASH: &str = "cdd01ef066bc6cf2";

/// Posts batches over HTTP. It follows no redirect, which would carry the key
/// elsewhere, and waits 30 s for an answer.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    target: Url,
    hash: Option<HeaderValue>,
}

/// Why a transport cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is no `http` or `https` address of an API.
    #[error("`{0}` is no address of an API, such as http://127.0.0.1:8085")]
    Url(String),
    /// The key is empty, or has a character that no header may hold.
    #[error("the key is empty or has a character that no header may hold")]
    Key,
    /// The hash has a character that no header may hold.
    #[error("the constitutional hash has a character that no header may hold")]
    Hash,
    /// The HTTP client does not start.
    #[error("the HTTP client does not start: {0}")]
    Client(String),
}

const CONNECT_MAX: Duration = Duration::from_secs(5);
const ANSWER_MAX: Duration = Duration::from_secs(30);
const HASH_HEADER: &str = "x-constitutional-hash";

impl HttpTransport {
    /// To the API at `url`, with `key`, which needs the scope `ingest`.
    ///
    /// # Errors
    /// An [`HttpError`] that says what is wrong with them.
    pub fn new(url: &str, key: &str) -> Result<Self, HttpError> {
        let target = target(url)?;
        let client = builder(&target).default_headers(headers(key)?).build();
        let client = client.map_err(|error| HttpError::Client(innermost(&error)))?;
        Ok(Self {
            client,
            target,
            hash: Some(HeaderValue::from_static(DEFAULT_HASH)),
        })
    }

    /// With another constitutional hash; an empty one is not sent.
    ///
    /// # Errors
    /// [`HttpError::Hash`] where no header can hold it.
    pub fn with_hash(self, hash: &str) -> Result<Self, HttpError> {
        let hash = Some(hash)
            .filter(|hash| !hash.is_empty())
            .map(HeaderValue::from_str);
        Ok(Self {
            hash: hash.transpose().map_err(|_| HttpError::Hash)?,
            ..self
        })
    }

    async fn send(&self, batch: Bytes) -> Result<Reply, reqwest::Error> {
        let mut request = self
            .client
            .post(self.target.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(batch);
        if let Some(hash) = &self.hash {
            request = request.header(HASH_HEADER, hash);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after(value.to_str().ok()?, clock::system()));
        Ok(Reply {
            status,
            retry_after,
            body: response.bytes().await?,
        })
    }
}

impl Transport for HttpTransport {
    fn post(&self, batch: Bytes) -> BoxFuture<'_, Result<Reply, Unreachable>> {
        async move {
            self.send(batch)
                .await
                .map_err(|error| Unreachable(reason(&error)))
        }
        .boxed()
    }
}

fn target(url: &str) -> Result<Url, HttpError> {
    let wrong = || HttpError::Url(url.to_owned());
    let base = Url::parse(url).map_err(|_| wrong())?;
    let is_plain = base.query().is_none()
        && base.fragment().is_none()
        && base.username().is_empty()
        && base.password().is_none();
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() || !is_plain {
        return Err(wrong());
    }
    let base = base.as_str().trim_end_matches('/');
    Url::parse(&format!("{base}/events/batch?mode=observe")).map_err(|_| wrong())
}

/// Plain HTTP needs no certificates, so a machine without any can use it, and
/// an address of this machine is never asked through a proxy.
fn builder(url: &Url) -> reqwest::ClientBuilder {
    let mut builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_MAX)
        .timeout(ANSWER_MAX)
        .user_agent(concat!("tollgate-recorder/", env!("CARGO_PKG_VERSION")));
    if url.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    if is_loopback(url) {
        builder.no_proxy()
    } else {
        builder
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn headers(key: &str) -> Result<HeaderMap, HttpError> {
    let key = Some(key.trim())
        .filter(|key| !key.is_empty())
        .ok_or(HttpError::Key)?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| HttpError::Key)?;
    bearer.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
}

/// Seconds, or a date: RFC 9110, section 10.2.3.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(
        until
            .duration_since(now)
            .try_into()
            .unwrap_or(Duration::ZERO),
    )
}

fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "it took too long".to_owned()
    } else {
        innermost(error)
    }
}

/// The cause of an error; the outermost of reqwest's repeats the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_an_api_and_a_key_make_a_transport() {
        for url in [
            "",
            "tollgate",
            "ftp://host",
            "http://user@host",
            "http://host?x=1",
            "http://host#x",
        ] {
            assert_eq!(
                HttpTransport::new(url, "key").unwrap_err(),
                HttpError::Url(url.to_owned()),
                "{url}"
            );
        }
        for key in ["", "  ", "a\nb"] {
            assert_eq!(
                HttpTransport::new("http://host", key).unwrap_err(),
                HttpError::Key,
                "{key:?}"
            );
        }
        assert_eq!(
            HttpTransport::new("http://host", "key")
                .unwrap()
                .with_hash("\n")
                .unwrap_err(),
            HttpError::Hash
        );
        let transport = HttpTransport::new("https://host/stage/", "key").unwrap();
        assert_eq!(
            transport.target.as_str(),
            "https://host/stage/events/batch?mode=observe"
        );
        assert!(
            !format!("{transport:?}").contains("key\""),
            "a key is not shown"
        );
    }

    #[test]
    fn a_server_may_ask_for_patience_in_seconds_or_until_a_date() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("Sun, 22 Nov 2026 10:02:00 GMT", Some(120)),
            ("Sun, 22 Nov 2026 09:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(
                retry_after(text, now),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        }
    }
}
