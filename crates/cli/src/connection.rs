//! Where the API is, who asks, and how.

use crate::failure::Failure;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect;
use std::time::Duration;
use tollgate_gateway::provide_tls;
use url::Url;

/// Where the API is, and who asks.
#[derive(clap::Args, Clone)]
pub(crate) struct Connection {
    /// Address of the API
    #[arg(long, env = "TOLLGATE_URL", default_value = "http://127.0.0.1:8085")]
    pub(crate) url: String,
    /// API key (`tollgate serve` prints an operator's)
    #[arg(long, env = "TOLLGATE_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Constitutional hash to send; empty sends none
    #[arg(
        long,
        env = "TOLLGATE_CONSTITUTIONAL_HASH",
        default_value = "cdd01ef066bc6cf2",
        hide = true
    )]
    pub(crate) constitutional_hash: String,
}

const CONNECT_SECONDS_MAX: u64 = 5;
const ANSWER_SECONDS_MAX: u64 = 30;

impl Connection {
    /// The address, checked.
    pub(crate) fn base_url(&self) -> Result<Url, Failure> {
        parse_base(&self.url)
    }

    /// An HTTP client that sends the key and the hash with every request.
    pub(crate) fn client_builder(&self) -> Result<reqwest::ClientBuilder, Failure> {
        Ok(builder(&self.base_url()?).default_headers(headers(self)?))
    }
}

fn parse_base(text: &str) -> Result<Url, Failure> {
    let wrong = || {
        Failure::new(format!(
            "`{text}` is no address of an API, such as http://127.0.0.1:8085"
        ))
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !is_plain {
        return Err(wrong());
    }
    Ok(url)
}

/// A redirect would carry the key elsewhere, so none is followed. Plain HTTP
/// needs no certificates, so a machine without any can use it, and an address
/// of this machine is never asked through a proxy.
fn builder(url: &Url) -> reqwest::ClientBuilder {
    provide_tls();
    let mut builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
        .user_agent(concat!("tollgate/", env!("CARGO_PKG_VERSION")));
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
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn headers(connection: &Connection) -> Result<HeaderMap, Failure> {
    let key = connection
        .key
        .as_deref()
        .map(str::trim)
        .filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| {
        Failure::new("no key: give --key or set TOLLGATE_KEY (`tollgate serve` prints one)")
    })?;
    let mut bearer = header(&format!("Bearer {key}"), "the key")?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer);
    if !connection.constitutional_hash.is_empty() {
        let hash = header(&connection.constitutional_hash, "the constitutional hash")?;
        headers.insert("x-constitutional-hash", hash);
    }
    Ok(headers)
}

fn header(text: &str, what: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text)
        .map_err(|_| Failure::new(format!("{what} has a character that no header may hold")))
}
