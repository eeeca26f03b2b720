//! An export on its way here, part by part.

use super::ink::Ink;
use crate::call::Call;
use crate::client::{CallError, Client};
use crate::failure::Failure;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Response;
use reqwest::header::LINK;
use std::io::IsTerminal;
use std::time::Duration;

/// The route.
pub(super) const PATH: &str = "/usage/export";
/// A server that sends nothing for so long is gone; where few events match, it
/// reads much before it sends one.
const SILENCE: Duration = Duration::from_secs(600);
const TICK: Duration = Duration::from_millis(120);

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// In how many answers.
    pub(super) parts: u64,
}

/// A transfer with its progress bar.
pub(super) struct Download<'a> {
    client: &'a Client,
    bar: ProgressBar,
}

impl<'a> Download<'a> {
    /// A bar on the terminal, unless the events go there themselves.
    pub(super) fn new(client: &'a Client, is_stdout: bool) -> Self {
        let is_hidden = is_stdout && std::io::stdout().is_terminal();
        let target = if is_hidden {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template(
            "{spinner} {human_pos} events  {msg}  {per_sec}  {elapsed}",
        );
        let bar = style.into_iter().fold(bar, ProgressBar::with_style);
        bar.enable_steady_tick(TICK);
        Self { client, bar }
    }

    /// Writes the answer to `target`, and all parts that it leads to.
    pub(super) async fn all(&self, target: String, ink: &mut Ink<'_>) -> Result<Figures, Failure> {
        let written = self.parts(target, ink).await;
        self.bar.finish_and_clear();
        let parts = written?;
        Ok(Figures {
            events: ink.events(),
            bytes: ink.bytes(),
            parts,
        })
    }

    async fn parts(&self, target: String, ink: &mut Ink<'_>) -> Result<u64, Failure> {
        let (mut next, mut parts) = (Some(target), 0_u64);
        while let Some(target) = next.take() {
            let answer = self.client.open(&Call::get(target.as_str())).await?;
            if parts == 0 {
                ink.begin()?;
            }
            next = next_target(&answer);
            if next.as_ref() == Some(&target) {
                return Err(Failure::new(
                    "the server leads from a part to the same part",
                ));
            }
            self.part(answer, ink).await?;
            parts = parts.saturating_add(1);
        }
        ink.end()?;
        Ok(parts)
    }

    async fn part(&self, mut answer: Response, ink: &mut Ink<'_>) -> Result<(), Failure> {
        let silent = |_| Failure::new("the server fell silent in the middle of its answer");
        while let Some(piece) = tokio::time::timeout(SILENCE, answer.chunk())
            .await
            .map_err(silent)?
            .map_err(CallError::broken)?
        {
            ink.piece(&piece)?;
            self.bar.set_position(ink.events());
            self.bar.set_message(HumanBytes(ink.bytes()).to_string());
        }
        Ok(())
    }
}

/// What to ask for next. Of the link only the query is taken: the key goes
/// nowhere else.
fn next_target(answer: &Response) -> Option<String> {
    let links = answer
        .headers()
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok());
    links
        .flat_map(|value| value.split(", <"))
        .find_map(next_query)
        .map(|query| format!("{PATH}?{query}"))
}

/// The query of a link whose relation is `next`.
fn next_query(link: &str) -> Option<&str> {
    let (target, relation) = link.trim_start_matches('<').split_once('>')?;
    let is_next = relation
        .split(';')
        .any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
    target
        .split_once('?')
        .map(|(_, query)| query)
        .filter(|_| is_next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_the_next_part_is_taken_from_its_link() {
        for (link, query) in [
            (
                "</usage/export?format=csv&cursor=x>; rel=\"next\"",
                Some("format=csv&cursor=x"),
            ),
            (
                "<https://elsewhere.example/a?cursor=x>; title=\"t\"; rel=next",
                Some("cursor=x"),
            ),
            ("</usage/export?cursor=x>; rel=\"prev\"", None),
            ("</usage/export>; rel=\"next\"", None),
            ("", None),
        ] {
            assert_eq!(next_query(link), query, "{link}");
        }
    }
}
