//! `tollgate replay`: a file of real requests, sent through the API.

mod batch;
mod field;
mod mapping;
mod moment;
mod outcome;
mod report;
mod row;
mod run;
mod sealed;
mod send;
mod shift;
mod tally;
mod told;
mod trace;

use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::names;
use crate::output::{encode, print};
use crate::rate_card::{CardText, name_first};
use crate::retry::Patience;
use batch::{Batches, Seal};
use field::Field;
use mapping::{Mapping, Wish};
use report::Report;
use row::Reading;
use send::Sender;
use shift::Shift;
use std::path::PathBuf;
use tollgate_core::{Instant, Name};
use trace::{Source, Survey, Trace};

/// Send a CSV file of real requests through the API
///
/// Columns are found by their headers, or by --map. Every row is checked
/// before the first one is sent. A row's id comes from its content and number,
/// so a second run records nothing. `timestamp` is RFC 3339; quantities are
/// whole numbers.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate replay AzureLLMInferenceTrace_conv.csv --tenant acme --operation gpt-4o \\\n    \
    --rate-card prices.json --assume-utc --shift-to-now\n  \
    tollgate replay log.csv --tenant acme --map operation=kind --map tokens_in=prompt --map timestamp=at"
)]
pub(crate) struct Args {
    /// CSV file with a header
    file: PathBuf,
    /// Tenant that pays
    #[arg(long, value_parser = names::in_path)]
    tenant: Name,
    /// Operation of rows that name none
    #[arg(long, value_parser = names::name)]
    operation: Option<Name>,
    #[command(flatten)]
    connection: Connection,
    /// Fill FIELD from COLUMN, and read no column that is not named so; repeatable
    #[arg(long = "map", value_name = "FIELD=COLUMN")]
    wishes: Vec<Wish>,
    /// Put this rate card first, unless its newest version says the same
    #[arg(long, value_name = "FILE")]
    rate_card: Option<PathBuf>,
    /// Events per request
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: u16,
    /// Requests at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Move all times so that the newest row happens now; a later run moves them as the first did
    #[arg(long)]
    shift_to_now: bool,
    /// Take times without an offset as UTC
    #[arg(long)]
    assume_utc: bool,
    /// Record past limits, since it has happened, or be stopped by them
    #[arg(long, value_enum, default_value_t = Mode::Observe)]
    mode: Mode,
    /// Send sealed batches: each counts once as a whole, and costs less to record
    ///
    /// A changed file, or another --batch, is other events.
    #[arg(long)]
    sealed: bool,
    /// With --sealed: send although another version of the file was sent before
    #[arg(long, requires = "sealed")]
    again: bool,
    /// Character between cells
    #[arg(long, default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Whether limits only look on or stop events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// Record past limits
    Observe,
    /// Be stopped by limits
    Enforce,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let card = args.rate_card.as_deref();
    let card = card.map(|path| CardText::load(path, None)).transpose()?;
    let trace = args.trace()?;
    let survey = trace.survey()?;
    let client = Client::new(&args.connection, Patience::LONG)?;
    let now = shift::now()?;
    let shift = match args.shift_to_now {
        true => {
            let first = args.seal(&survey).map(|seal| seal.first_event());
            let first = first.unwrap_or_else(|| survey.first.id.clone());
            Shift::to_now(&client, &args.tenant, (&survey, &first), now).await?
        }
        false => Shift::NONE,
    };
    if let Some(seal) = args.seal(&survey).filter(|_| !args.again) {
        sealed::refuse_other_version(&client, &args.tenant, &survey, &seal).await?;
    }
    let mut report = args.report(&trace.reading.mapping, &survey, shift, now);
    if let Some(card) = card {
        report.card = Some(card.ensure(&client, false).await?);
        name_first(&client, &args.tenant, &card.id).await?;
    }
    let seal = args.seal(&survey);
    args.send(&client, &trace, &report, seal).await
}

impl Args {
    fn trace(&self) -> Result<Trace, Failure> {
        let source = Source {
            path: self.file.clone(),
            delimiter: self.delimiter,
        };
        let headers = source.headers()?;
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let mapping = Mapping::new(&headers, &self.wishes, self.operation.is_some())?;
        if self.operation.is_none() && mapping.column(Field::Operation).is_none() {
            return Err(Failure::new(
                "nothing says what was used: give --operation, or --map operation=COLUMN",
            ));
        }
        let reading = Reading {
            tenant: self.tenant.clone(),
            operation: self.operation.clone(),
            mapping,
            assume_utc: self.assume_utc,
        };
        Ok(Trace { source, reading })
    }

    /// How batches are sealed, if they are.
    fn seal(&self, survey: &Survey) -> Option<Seal> {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        self.sealed
            .then(|| Seal::new(&name, &survey.digest, usize::from(self.batch)))
    }

    fn report<'a>(
        &'a self,
        mapping: &'a Mapping,
        survey: &Survey,
        shift: Shift,
        now: Instant,
    ) -> Report<'a> {
        Report {
            file: self.file.display().to_string(),
            tenant: self.tenant.as_str(),
            mapping,
            rows: survey.rows,
            card: None,
            shift,
            backfill: survey
                .span
                .is_some_and(|(oldest, _)| shift.needs_backfill(oldest, now)),
            mode: self.mode.as_str(),
            is_sealed: self.sealed,
        }
    }

    async fn send(
        &self,
        client: &Client,
        trace: &Trace,
        report: &Report<'_>,
        seal: Option<Seal>,
    ) -> Result<(), Failure> {
        if !self.json {
            print(&report.preface())?;
        }
        let sender = Sender {
            client,
            mode: report.mode,
            backfill: report.backfill,
        };
        let batches = Batches::new(
            trace.rows()?,
            self.tenant.clone(),
            report.shift.seconds,
            (usize::from(self.batch), seal),
        );
        let bar = run::progress(report.rows, self.json);
        let ran = run::run(&sender, batches, usize::from(self.concurrency), &bar).await;
        print(&if self.json {
            encode(&report.told(&ran))?
        } else {
            report.figures(&ran)
        })?;
        report.failure(&ran).map_or(Ok(()), Err)
    }
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

/// One ASCII character, or the word `tab`.
fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() => Ok(*byte),
        _ => Err("must be one character, such as ; or tab".to_string()),
    }
}
