//! Webhooks over HTTPS, to the public internet only.

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, header};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;
use tollgate_api::{is_public_address, webhook_url};
use tollgate_gateway::provide_tls;
use tollgate_service::Courier;

/// How long a receiver may take for its answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Posts to webhooks. Redirects and proxies are not followed, and what a
/// receiver answers beside its status is not read.
pub(crate) struct Webhooks {
    is_local: bool,
    client: OnceLock<Result<Client, String>>,
}

/// Resolves names to the addresses that alerts may go to.
struct Guarded {
    is_local: bool,
}

impl Webhooks {
    /// Of a server that runs on the operator's own machine, or does not.
    pub(crate) fn new(is_local: bool) -> Self {
        Self {
            is_local,
            client: OnceLock::new(),
        }
    }

    /// The client, made when there is something to send.
    fn client(&self) -> Result<&Client, String> {
        let make = || {
            provide_tls();
            let client = Client::builder()
                .timeout(TIMEOUT)
                .redirect(Policy::none())
                .no_proxy()
                .user_agent("tollgate");
            client
                .dns_resolver(std::sync::Arc::new(Guarded {
                    is_local: self.is_local,
                }))
                .build()
                .map_err(|error| error.to_string())
        };
        self.client
            .get_or_init(make)
            .as_ref()
            .map_err(String::clone)
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let is_local = self.is_local;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may =
                |at: &SocketAddr| is_public_address(at.ip()) || (is_local && at.ip().is_loopback());
            let allowed: Vec<SocketAddr> = found.filter(may).collect();
            if allowed.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[async_trait]
impl Courier for Webhooks {
    async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<(), String> {
        // An address in place of a name is never resolved: it is looked at here.
        let url = webhook_url(url, self.is_local).map_err(|why| format!("the url {why}"))?;
        let mut request = self
            .client()?
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request
            .send()
            .await
            .map_err(|error| error.without_url().to_string())?;
        let status = response.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("it was answered with {status}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_resolves_to_nothing() {
        let resolve = async |is_local: bool| {
            Guarded { is_local }
                .resolve("localhost".parse().unwrap())
                .await
        };
        assert_eq!(
            resolve(false).await.err().unwrap().to_string(),
            "the host has no public address"
        );
        assert!(resolve(true).await.unwrap().all(|at| at.ip().is_loopback()));
    }

    #[tokio::test]
    async fn an_address_in_place_of_a_name_is_never_called() {
        for url in [
            "https://127.0.0.1:1/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "http://hooks.example.com/",
        ] {
            let refused = Webhooks::new(false)
                .post(url, &[], String::new())
                .await
                .unwrap_err();
            assert!(refused.starts_with("the url must"), "{url}: {refused}");
        }
    }
}
