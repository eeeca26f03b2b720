//! `tollgate usage export-report`: what tenants used of what their plans allow.

mod gather;
mod maths;
mod model;
mod show;
mod totals;
mod written;

use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::file::Output;
use crate::output::{encode, print};
use crate::retry::Patience;
use maths::Threshold;
use model::{FeatureUse, Filters, Report, TenantUse};
use serde::Serialize;
use std::path::PathBuf;
use tollgate_api::csv_record;
use tollgate_core::{Instant, Name};
use tollgate_gateway::SystemClock;
use tollgate_service::Clock;
use written::COLUMNS;

/// Report what tenants used of what their plans allow, as JSON, CSV and a table
///
/// Each tenant is reported for the current period of its subscription, or for
/// the period given here. Features are those that its plan meters, and those
/// of messages, input_tokens and output_tokens that were used.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate usage export-report\n  \
    tollgate usage export-report --plan pro --warn-threshold 0.9 --no-csv\n  \
    tollgate usage export-report --tenant acme --period-start 2026-11-01 --period-end 2026-12-01 --output-csv november.csv")]
pub(super) struct Args {
    /// First instant of the period; a date is its midnight UTC
    #[arg(long, value_name = "TIME", value_parser = instant)]
    period_start: Option<Instant>,
    /// First instant after the period
    #[arg(long, value_name = "TIME", value_parser = instant)]
    period_end: Option<Instant>,
    /// Only this tenant, by slug or id; repeatable
    #[arg(long = "tenant", value_name = "SLUG")]
    tenants: Vec<String>,
    /// Only tenants of this plan; repeatable
    #[arg(long = "plan", value_name = "CODE")]
    plans: Vec<String>,
    /// Only this feature; repeatable
    #[arg(long = "feature", value_name = "KEY")]
    features: Vec<String>,
    /// Subscriptions too that are not active
    #[arg(long)]
    include_inactive: bool,
    /// From which share of a limit on it counts as approached
    #[arg(long, value_name = "SHARE", default_value = "0.8", value_parser = Threshold::parse)]
    warn_threshold: Threshold,
    /// JSON file to write; `-` is stdout
    #[arg(
        long,
        value_name = "FILE",
        default_value = "var/reports/usage-dashboard.json"
    )]
    output_json: PathBuf,
    /// CSV file to write; `-` is stdout
    #[arg(
        long,
        value_name = "FILE",
        default_value = "var/reports/usage-dashboard.csv"
    )]
    output_csv: PathBuf,
    /// Write no JSON
    #[arg(long)]
    no_json: bool,
    /// Write no CSV
    #[arg(long)]
    no_csv: bool,
    #[command(flatten)]
    connection: Connection,
    /// Print the counts and warnings as JSON in place of the table
    #[arg(long)]
    json: bool,
}

/// The counts, the warnings and where the rest is.
#[derive(Serialize)]
struct Told<'a> {
    tenant_count: usize,
    feature_count: usize,
    warning_count: usize,
    warnings: Vec<ToldWarning<'a>>,
    json: Option<&'a str>,
    csv: Option<&'a str>,
}

#[derive(Serialize)]
struct ToldWarning<'a> {
    tenant_id: &'a Name,
    tenant_slug: Option<&'a str>,
    feature_key: &'a str,
    status: &'static str,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    if args.no_json && args.no_csv {
        return Err(Failure::new(
            "--no-json and --no-csv leave nothing to write",
        ));
    }
    let stdout = PathBuf::from("-");
    if !args.no_json && !args.no_csv && args.output_json == stdout && args.output_csv == stdout {
        return Err(Failure::new(
            "JSON and CSV cannot both go to stdout: --no-json or --no-csv leaves one out",
        ));
    }
    let crossed = args
        .period_start
        .zip(args.period_end)
        .is_some_and(|(start, end)| start >= end);
    if crossed {
        return Err(Failure::new("--period-start is not before --period-end"));
    }
    let filters = args.filters();
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let tenants = gather::tenants(&client, &filters).await?;
    if tenants.is_empty() {
        return Err(Failure::new("no subscription matches"));
    }
    let is_found = |name: &&String| {
        tenants.iter().any(|tenant| {
            tenant.slug.as_ref() == Some(name) || tenant.tenant_id.as_str() == name.as_str()
        })
    };
    for name in filters.tenants.iter().filter(|name| !is_found(name)) {
        eprintln!("note: no subscription of `{name}` matches");
    }
    let generated_at = SystemClock.now().to_string();
    let report = Report {
        generated_at,
        filters,
        threshold: args.warn_threshold,
        tenants,
    };
    let files = args.write(&report)?;
    let is_piped = files.iter().any(|(_, path)| path == "-");
    match (is_piped, args.json) {
        (true, _) => eprintln!("{}", show::counts(&report)),
        (false, true) => print(&encode(&told(&report, &files))?)?,
        (false, false) => {
            let lines = files.iter().map(|(kind, path)| format!("\n{kind}: {path}"));
            print(&format!(
                "{}{}",
                show::table(&report),
                lines.collect::<String>()
            ))?;
        }
    }
    Ok(())
}

fn told<'a>(report: &'a Report, files: &'a [(&str, String)]) -> Told<'a> {
    let path = |wanted: &str| {
        let mut files = files.iter();
        files
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, path)| path.as_str())
    };
    Told {
        tenant_count: report.tenants.len(),
        feature_count: report.feature_count(),
        warning_count: report.warnings().count(),
        warnings: report.warnings().map(told_warning).collect(),
        json: path("json"),
        csv: path("csv"),
    }
}

fn told_warning<'a>(
    (tenant, feature, status): (&'a TenantUse, &'a FeatureUse, maths::Status),
) -> ToldWarning<'a> {
    ToldWarning {
        tenant_id: &tenant.tenant_id,
        tenant_slug: tenant.slug.as_deref(),
        feature_key: &feature.key,
        status: status.as_str(),
    }
}

/// A header and a line for each feature.
fn csv(report: &Report) -> String {
    let header = COLUMNS.map(|column| (column.to_string(), true));
    std::iter::once(header)
        .chain(report.written().lines())
        .map(|cells| csv_record(&cells))
        .collect()
}

impl Args {
    fn filters(&self) -> Filters {
        Filters {
            period_start: self.period_start,
            period_end: self.period_end,
            tenants: once_each(&self.tenants),
            plans: once_each(&self.plans),
            features: once_each(&self.features),
            include_inactive: self.include_inactive,
        }
    }

    /// Writes the files, and says which they are.
    fn write(&self, report: &Report) -> Result<Vec<(&'static str, String)>, Failure> {
        let mut files = Vec::new();
        if !self.no_json {
            let text = serde_json::to_string_pretty(&report.written())
                .map_err(|error| Failure::to("write the report", error))?;
            files.push(("json", &self.output_json, format!("{text}\n")));
        }
        if !self.no_csv {
            files.push(("csv", &self.output_csv, csv(report)));
        }
        let mut written = Vec::new();
        for (kind, path, text) in files {
            let mut output = Output::create_all(path)?;
            output.write(text.as_bytes())?;
            output.finish()?;
            written.push((kind, path.display().to_string()));
        }
        Ok(written)
    }
}

/// The words that say something, each once, in their order.
fn once_each(words: &[String]) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for word in words
        .iter()
        .map(|word| word.trim())
        .filter(|word| !word.is_empty())
    {
        if !once.iter().any(|known| known == word) {
            once.push(word.to_string());
        }
    }
    once
}

/// A time, or a date as its midnight UTC.
fn instant(text: &str) -> Result<Instant, tollgate_core::InstantError> {
    text.parse()
        .or_else(|error| format!("{text}T00:00:00Z").parse().map_err(|_| error))
}

#[cfg(test)]
mod tests;
