//! A [`ChoreQueue`] on Amazon SQS: a FIFO queue, in which chores of one kind and
//! tenant are a group, so that no two workers do the same at once.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry as Entry;
use sha2::{Digest, Sha256};
use tollgate_core::Instant;
use tollgate_service::{Chore, ChoreQueue};

/// The most messages of one call.
const BATCH_MAX: usize = 10;
/// How often what SQS did not take of a call is sent again.
const TRIES_MAX: usize = 4;

/// A FIFO queue on SQS. It takes a chore once of a minute's rounds.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue at `url`, with the account and region of the environment; `None`
    /// without one.
    pub async fn connect(url: Option<String>) -> Option<Self> {
        let url = url.filter(|url| !url.is_empty())?;
        let client = Client::new(&aws_config::load_from_env().await);
        Some(Self::new(client, url))
    }

    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        let url = url.into();
        Self { client, url }
    }

    /// Sends some; those that were not taken, and why.
    async fn send_batch(&self, entries: Vec<Entry>) -> Result<Vec<Entry>, String> {
        let request = self.client.send_message_batch().queue_url(&self.url);
        let sent = request.set_entries(Some(entries.clone())).send().await;
        let sent = sent.map_err(|error| DisplayErrorContext(error).to_string())?;
        let is_refused =
            |entry: &Entry| sent.failed().iter().any(|failed| failed.id() == entry.id());
        if let Some(failed) = sent.failed().iter().find(|failed| failed.sender_fault()) {
            let why = failed.message().unwrap_or_default();
            return Err(format!("SQS refuses a chore: {}: {why}", failed.code()));
        }
        Ok(entries.into_iter().filter(is_refused).collect())
    }
}

#[async_trait]
impl ChoreQueue for SqsQueue {
    async fn send(&self, chores: Vec<Chore>, round: Instant) -> Result<(), String> {
        for batch in chores.chunks(BATCH_MAX) {
            let mut left = batch
                .iter()
                .enumerate()
                .map(|(number, chore)| entry(number, chore, round))
                .collect::<Result<Vec<_>, _>>()?;
            for _ in 0..TRIES_MAX {
                left = self.send_batch(left).await?;
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(format!("SQS did not take {} chores", left.len()));
            }
        }
        Ok(())
    }
}

fn entry(number: usize, chore: &Chore, round: Instant) -> Result<Entry, String> {
    let body = serde_json::to_string(chore).map_err(|error| error.to_string())?;
    let minute = round.unix_seconds().div_euclid(60);
    let once = format!("{minute}-{}", digest(&body));
    Entry::builder()
        .id(number.to_string())
        // A tenant's id may be as long as a group's.
        .message_group_id(digest(&chore.group()))
        .message_deduplication_id(once)
        .message_body(body)
        .build()
        .map_err(|error| error.to_string())
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
