//! `tollgate rate-cards import`.

use super::put::Naming;
use crate::call::{Call, hex, target};
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::import::{CardDraft, Imported, Left, Pattern, PriceMap, SourceDraft, read};
use crate::names;
use crate::output::{encode, print, print_either};
use crate::progress::bar;
use crate::rate_card::{CardText, Content};
use crate::retry::Patience;
use clap::ValueEnum;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use tollgate_api::RateCardVersion;
use tollgate_core::Name;

/// From when on the first of several versions prices: since ever.
const EVER: &str = "1970-01-01T00:00:00Z";
/// The most bytes of a card.
const CARD_BYTES_MAX: usize = 1_048_576;

/// Make a rate card of a public price map
///
/// What a map says and a card cannot say is left and named. The second import of a file
/// changes nothing; a newer file makes a new version, from now on.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    tollgate rate-cards import litellm model_prices.json --default\n  \
    tollgate rate-cards import models-dev api.json --only 'anthropic/*' --id claude")]
pub(crate) struct Args {
    /// Price map that the file is of
    #[arg(value_enum)]
    map: PriceMap,
    /// JSON file of the map; `-` reads standard input
    file: PathBuf,
    /// Import only entries of these names; `*` stands for anything
    #[arg(long)]
    only: Option<Pattern>,
    /// Id of the rate card; the map's name where none is named
    #[arg(long, value_parser = names::in_path)]
    id: Option<Name>,
    /// Drop operations of the version before that the file lacks
    #[arg(long)]
    replace: bool,
    /// Read the file and report, but put nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    naming: Naming,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON, with every field that was left
    #[arg(long)]
    json: bool,
}

/// What an import did.
#[derive(Serialize)]
struct Told<'a> {
    rate_card: &'a Name,
    digest: &'a str,
    versions: usize,
    versions_put: usize,
    operations: usize,
    entries: usize,
    entries_complete: usize,
    token_entries: usize,
    token_entries_complete: usize,
    left: Vec<ToldLeft<'a>>,
    rounded: Vec<ToldLeft<'a>>,
}

#[derive(Serialize)]
struct ToldLeft<'a> {
    entry: &'a str,
    field: &'a str,
    why: &'a str,
    incomplete: bool,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let text = args.text()?;
    let action = || format!("read the price map `{}`", args.file.display());
    let imported = read(args.map, &text, args.only.as_ref());
    let imported = imported.map_err(|error| Failure::to(action(), error))?;
    let digest = hex(&Sha256::digest(text.as_bytes()));
    if imported.cards.iter().all(|card| card.operations.is_empty()) {
        return Err(Failure::to(
            action(),
            "no entry of it has a price; `--only` matches names",
        ));
    }
    let id = args.id()?;
    let cards = cards(&imported, &id, &args.source(&digest))?;
    let put = if args.dry_run {
        0
    } else {
        let client = Client::new(&args.connection, Patience::LONG)?;
        let put = put_all(&client, &cards, (&digest, args.replace)).await?;
        args.naming.apply(&client, &id).await?;
        put
    };
    let told = told(&imported, (&id, &digest), put);
    print_either(args.json, &told, said)?;
    match args
        .naming
        .note(&id)
        .filter(|_| !args.json && !args.dry_run)
    {
        Some(note) => print(&note),
        None => Ok(()),
    }
}

impl Args {
    fn text(&self) -> Result<String, Failure> {
        let mut text = String::new();
        let read = match self.file.to_str() {
            Some("-") => std::io::stdin().read_to_string(&mut text).map(drop),
            _ => std::fs::read_to_string(&self.file).map(|file| text = file),
        };
        let action = format!("read the price map `{}`", self.file.display());
        read.map_err(|error| Failure::to(action, error))?;
        Ok(text)
    }

    fn map_name(&self) -> String {
        let value = self.map.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn id(&self) -> Result<Name, Failure> {
        match &self.id {
            Some(id) => Ok(id.clone()),
            None => {
                Name::in_path(&self.map_name()).map_err(|error| Failure::new(error.to_string()))
            }
        }
    }

    fn source(&self, digest: &str) -> SourceDraft {
        SourceDraft {
            map: self.map_name(),
            digest: digest.to_owned(),
        }
    }
}

/// The texts of all versions, the earliest first.
fn cards(imported: &Imported, id: &Name, source: &SourceDraft) -> Result<Vec<CardText>, Failure> {
    let dated = imported.cards.len() > 1;
    let mut cards = Vec::new();
    for draft in &imported.cards {
        let since = draft.effective_from.clone();
        let card = CardDraft {
            effective_from: since.or_else(|| dated.then(|| EVER.to_owned())),
            source: Some(source.clone()),
            ..draft.clone()
        };
        let text = encode(&card)?;
        if text.len() > CARD_BYTES_MAX {
            let megabytes = text.len() / 1_000_000;
            return Err(Failure::new(format!(
                "the rate card would have {megabytes} MB, and may have 1 MiB: import parts of it under several ids by `--only` and `--id`"
            )));
        }
        cards.push(CardText::new(id.clone(), text));
    }
    Ok(cards)
}

/// Puts those versions that are not there yet; how many.
async fn put_all(
    client: &Client,
    cards: &[CardText],
    (digest, replace): (&str, bool),
) -> Result<usize, Failure> {
    let Some(first) = cards.first() else {
        return Ok(0);
    };
    let held = held(client, &first.id, digest).await?;
    let bar = bar(cards.len(), "versions");
    let mut put = 0_usize;
    for card in cards {
        let content = card.content()?;
        let says_it = |content: Content| held.iter().any(|held| content.is_in(held));
        if !content.is_some_and(says_it) {
            card.ensure(client, replace).await?;
            put = put.saturating_add(1);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(put)
}

/// What the newest versions say, as far as they were made of this file.
async fn held(client: &Client, id: &Name, digest: &str) -> Result<Vec<Content>, Failure> {
    let path = format!("/rate-cards/{id}");
    let mut held = Vec::new();
    let mut next: Option<RateCardVersion> = client.find(&Call::get(path.as_str())).await?;
    while let Some(card) = next {
        let is_same = card.source.as_ref().map(|source| source.digest.as_str()) == Some(digest);
        let before = card.version.saturating_sub(1);
        if !is_same {
            break;
        }
        held.push(Content::of(&card)?);
        if before == 0 {
            break;
        }
        let version = before.to_string();
        let path = target(&path, &[("version", Some(&version))]);
        next = client.find(&Call::get(path)).await?;
    }
    Ok(held)
}

fn told<'a>(imported: &'a Imported, (id, digest): (&'a Name, &'a str), put: usize) -> Told<'a> {
    fn told_left(left: &Left) -> ToldLeft<'_> {
        ToldLeft {
            entry: &left.entry,
            field: &left.field,
            why: &left.why,
            incomplete: left.is_gap,
        }
    }
    let newest = imported.cards.last();
    Told {
        rate_card: id,
        digest,
        versions: imported.cards.len(),
        versions_put: put,
        operations: newest.map_or(0, |card| card.operations.len()),
        entries: imported.priced.entries,
        entries_complete: imported.priced.complete,
        token_entries: imported.token_priced.entries,
        token_entries_complete: imported.token_priced.complete,
        left: imported.left.iter().map(told_left).collect(),
        rounded: imported.rounded.iter().map(told_left).collect(),
    }
}

/// What was put, what is complete, each gap, and how often each note was made.
fn said(told: &Told<'_>) -> String {
    let mut lines = vec![
        format!(
            "rate card   {}, {} of {} versions put now, {} operations",
            told.rate_card, told.versions_put, told.versions, told.operations
        ),
        format!("digest      {}", told.digest),
        format!(
            "complete    {} of {} entries with prices, {} of {} that price tokens",
            told.entries_complete, told.entries, told.token_entries_complete, told.token_entries
        ),
    ];
    let gaps = told.left.iter().filter(|left| left.incomplete);
    lines.extend(gaps.map(|gap| format!("left        {} {}: {}", gap.entry, gap.field, gap.why)));
    let mut notes: BTreeMap<&str, usize> = BTreeMap::new();
    for note in told.left.iter().filter(|left| !left.incomplete) {
        let count = notes.entry(note.why).or_default();
        *count = count.saturating_add(1);
    }
    lines.extend(
        notes
            .iter()
            .map(|(why, count)| format!("noted       {count} times: {why}")),
    );
    if !told.rounded.is_empty() {
        let count = told.rounded.len();
        lines.push(format!("rounded     {count} prices at 15 fraction digits"));
    }
    lines.join("\n")
}
