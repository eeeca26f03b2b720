//! A rate card in a file, put on the server where it is not there yet.

use crate::call::Call;
use crate::card_view::CardView;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::encode;
use crate::retry::{Patience, random};
use serde::Deserialize;
use std::path::Path;
use tollgate_api::RateCardVersion;
use tollgate_core::Name;

/// A rate card as a file has it.
#[derive(Debug, Clone)]
pub(crate) struct CardFile {
    /// The card's id: the file's own, else its stem.
    pub(crate) id: Name,
    text: String,
}

/// What a file calls its card; the rest goes out as it is written.
#[derive(Deserialize)]
struct Named {
    id: Option<String>,
}

/// The version of a card that stands on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The card.
    pub(crate) id: Name,
    /// Its newest version.
    pub(crate) version: u32,
    /// Whether this run put it there.
    pub(crate) is_new: bool,
}

impl CardFile {
    /// Reads the card in `path`.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let action = || format!("read the rate card `{}`", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| Failure::to(action(), error))?;
        let named: Named =
            serde_json::from_str(&text).map_err(|error| Failure::to(action(), error))?;
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let id = named.id.or(stem).unwrap_or_default();
        let id = Name::in_path(&id)
            .map_err(|error| Failure::to(action(), format!("its id `{id}` {error}")))?;
        Ok(Self { id, text })
    }

    /// Puts the card on the server unless its newest version says the same
    /// already. A put whose answer is lost is looked up before it is repeated,
    /// so no version is made twice.
    pub(crate) async fn ensure(&self, client: &Client) -> Result<Standing, Failure> {
        let path = format!("/rate-cards/{}", self.id);
        let put = Call::put(path.as_str(), self.text.as_str());
        let mut attempt = 1;
        loop {
            let newest: Option<RateCardVersion> = client.find(&Call::get(path.as_str())).await?;
            if let Some(newest) = newest
                && self.says_the_same(&newest)?
            {
                return Ok(self.standing(&newest, attempt > 1));
            }
            let error = match client.send_with(&put, Patience::ONCE).await {
                Ok(made) => return Ok(self.standing(&made, true)),
                Err(error) => error,
            };
            let pause = Patience::LONG
                .pause(attempt, None, random())
                .filter(|_| error.is_transient());
            let Some(pause) = pause else {
                return Err(error.into());
            };
            tokio::time::sleep(pause).await;
            attempt = attempt.saturating_add(1);
        }
    }

    /// A file that is no rate card says nothing; the server then tells why.
    fn says_the_same(&self, newest: &RateCardVersion) -> Result<bool, Failure> {
        let newest = CardView::parse(&encode(newest)?);
        let both = CardView::parse(&self.text).zip(newest);
        Ok(both.is_some_and(|(file, newest)| file.is_said_by(&newest)))
    }

    fn standing(&self, card: &RateCardVersion, is_new: bool) -> Standing {
        Standing {
            id: self.id.clone(),
            version: card.version,
            is_new,
        }
    }
}
