//! `tollgate usage export`: every event, into a file.

use super::download::{Download, Figures};
use super::form::Form;
use super::ink::Ink;
use crate::call::target;
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::file::Output;
use crate::names;
use crate::output::{encode, grouped, print};
use crate::retry::Patience;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;
use tollgate_core::Name;

/// Write every matching event to a file, in the order of receipt
///
/// A file is there only once it is whole: a transfer that breaks off leaves
/// what was there before. Figures go to stderr.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate usage export --tenant acme --format csv --start 2026-11-01 --end 2026-12-01 --output november.csv\n  \
    tollgate usage export --format jsonl --agent a1 | wc -l"
)]
pub(super) struct Args {
    /// How to write it
    #[arg(long, value_enum, default_value_t = Form::Csv)]
    format: Form,
    /// File to write; `-` is stdout
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    wish: Wish,
    #[command(flatten)]
    connection: Connection,
    /// Print the figures as JSON: to stdout, or to stderr where stdout has the events
    #[arg(long)]
    json: bool,
}

/// Which events.
#[derive(clap::Args)]
struct Wish {
    /// Tenant; needed with an operator's key
    #[arg(long, value_parser = names::in_path)]
    tenant: Option<Name>,
    /// First instant of an event's time; a date is its midnight UTC
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// First instant that is outside again
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Only of this agent
    #[arg(long, alias = "agent-id", value_parser = names::name)]
    agent: Option<Name>,
    /// Only of this consumer
    #[arg(long, alias = "consumer-id", value_parser = names::name)]
    consumer: Option<Name>,
    /// Only of this session
    #[arg(long, alias = "session-id", value_parser = names::name)]
    session: Option<Name>,
    /// Only of this task
    #[arg(long, alias = "task-id", value_parser = names::name)]
    task: Option<Name>,
    /// Only of this operation
    #[arg(long, value_parser = names::name)]
    operation: Option<Name>,
    /// Only of this tier
    #[arg(long, value_parser = names::name)]
    tier: Option<Name>,
    /// Only of this tool server
    #[arg(long, value_parser = names::name)]
    tool_server: Option<Name>,
    /// Only of this tool
    #[arg(long, value_parser = names::name)]
    tool_name: Option<Name>,
    /// Only of this model
    #[arg(long, value_parser = names::name)]
    model: Option<Name>,
    /// Only the event of this id
    #[arg(long, value_parser = names::name)]
    id: Option<Name>,
}

/// What was written, as JSON.
#[derive(Serialize)]
struct Told {
    events: u64,
    bytes: u64,
    seconds: String,
    parts: u64,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let began = Instant::now();
    let mut output = Output::create(&args.output)?;
    let download = Download::new(&client, output.is_stdout());
    let mut ink = Ink::new(args.format, &mut output);
    let figures = tokio::select! {
        figures = download.all(args.target(), &mut ink) => figures?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::new("interrupted")),
    };
    let is_stdout = output.is_stdout();
    output.finish()?;
    let millis = began.elapsed().as_millis();
    let told = if args.json {
        figures_json(&figures, millis)?
    } else {
        figures_text(&figures, millis)
    };
    if args.json && !is_stdout {
        return print(&told);
    }
    eprintln!("{told}");
    Ok(())
}

impl Args {
    /// What to ask for first. A JSON list is made here of JSON lines, as parts
    /// of a list cannot be put behind each other.
    fn target(&self) -> String {
        let format = match self.format {
            Form::Csv => "csv",
            Form::Json | Form::Jsonl => "jsonl",
        };
        let wish = &self.wish;
        let name = |name: &'static str, value: &'_ Option<Name>| {
            (name, value.as_ref().map(Name::to_string))
        };
        let pairs = [
            ("format", Some(format.to_string())),
            name("tenant_id", &wish.tenant),
            ("start", wish.start.clone()),
            ("end", wish.end.clone()),
            name("agent_id", &wish.agent),
            name("consumer_id", &wish.consumer),
            name("session_id", &wish.session),
            name("task_id", &wish.task),
            name("operation", &wish.operation),
            name("tier", &wish.tier),
            name("tool_server", &wish.tool_server),
            name("tool_name", &wish.tool_name),
            name("model", &wish.model),
            name("id", &wish.id),
        ];
        let pairs: Vec<(&str, Option<&str>)> = pairs
            .iter()
            .map(|(name, value)| (*name, value.as_deref()))
            .collect();
        target(super::download::PATH, &pairs)
    }
}

/// Milliseconds as seconds.
fn seconds(millis: u128) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

fn figures_text(figures: &Figures, millis: u128) -> String {
    let [events, bytes] = [figures.events, figures.bytes].map(grouped);
    format!("{events} events, {bytes} bytes, {} s", seconds(millis))
}

fn figures_json(figures: &Figures, millis: u128) -> Result<String, Failure> {
    encode(&Told {
        events: figures.events,
        bytes: figures.bytes,
        seconds: seconds(millis),
        parts: figures.parts,
    })
}
