//! `tollgate plans`: what a subscription allows.

use crate::call::Call;
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::grid::{figure, grid, number, text};
use crate::names;
use crate::output::{cell, grouped, print, print_either, print_list};
use crate::presets::{CAPACITY, Dimension, Limits, PRESETS, Preset, offer};
use crate::retry::Patience;
use serde::Deserialize;
use std::io::Read;
use std::path::{Path, PathBuf};
use tollgate_api::{Feature, Plan};
use tollgate_core::Name;

/// Show and set plans
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate plans presets\n  tollgate plans show pro")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the limits that `tollgate setup` begins with
    Presets(Presets),
    /// List the plans
    List(List),
    /// Show a plan and its features
    Show(Show),
    /// Make a plan or its next version from a file
    Put(Put),
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate plans presets\n  tollgate plans presets --json")]
struct Presets {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate plans list")]
struct List {
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate plans show pro --json")]
struct Show {
    /// Code of the plan
    #[arg(value_parser = names::in_path)]
    code: Name,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate plans put pro.json\n  tollgate plans show pro --json | tollgate plans put -"
)]
struct Put {
    /// JSON file with the plan, as `plans show --json` prints it; `-` reads standard input
    file: PathBuf,
    /// Code of the plan, where the file names none
    #[arg(long, value_parser = names::in_path)]
    code: Option<Name>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a file calls its plan; the rest goes out as it is written.
#[derive(Deserialize)]
struct Named {
    code: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Presets(args) => print_either(args.json, &offer(), |_| presets_shown()),
        Command::List(args) => list(args).await,
        Command::Show(args) => show(args).await,
        Command::Put(args) => put(args).await,
    }
}

async fn list(args: List) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let plans: Vec<Plan> = client.list("/plans").await?;
    if args.json {
        return print_list(&plans);
    }
    let row = |plan: &Plan| {
        vec![
            plan.code.to_string(),
            plan.name.clone(),
            plan.version.to_string(),
            plan.features.len().to_string(),
            cell(plan.allowance),
            plan.currency.to_string(),
        ]
    };
    let rows: Vec<_> = plans.iter().map(row).collect();
    print(&grid(
        &[
            text("code"),
            text("name"),
            number("version"),
            number("features"),
            number("allowance"),
            text("currency"),
        ],
        &rows,
    ))
}

async fn show(args: Show) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let plan: Option<Plan> = client
        .find(&Call::get(format!("/plans/{}", args.code)))
        .await?;
    let plan = plan.ok_or_else(|| Failure::new(format!("there is no plan `{}`", args.code)))?;
    print_either(args.json, &plan, plan_shown)
}

async fn put(args: Put) -> Result<(), Failure> {
    let text = read(&args.file)?;
    let action = format!("read the plan `{}`", args.file.display());
    let named: Named = serde_json::from_str(&text).map_err(|error| Failure::to(&action, error))?;
    let named = named
        .code
        .as_deref()
        .map(Name::in_path)
        .transpose()
        .map_err(|error| Failure::to(action, format!("its code {error}")))?;
    let code = match (named, args.code) {
        (Some(named), Some(code)) if named != code => {
            return Err(Failure::new(format!(
                "the file has the plan `{named}`, not `{code}`"
            )));
        }
        (named, code) => named.or(code).ok_or_else(|| {
            Failure::new("the file names no plan: add a `code` to it or give --code")
        })?,
    };
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let plan: Plan = client
        .send(&Call::put(format!("/plans/{code}"), text))
        .await?;
    print_either(args.json, &plan, plan_shown)
}

fn read(file: &Path) -> Result<String, Failure> {
    let read = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin().lock().by_ref()),
        _ => std::fs::read_to_string(file),
    };
    read.map_err(|error| Failure::to(format!("read the plan `{}`", file.display()), error))
}

/// A plan, one line for each feature.
fn plan_shown(plan: &Plan) -> String {
    let rows: Vec<_> = plan.features.iter().map(feature_row).collect();
    let allowance = plan
        .allowance
        .map(|amount| format!(", allowance {amount} a period"));
    let columns = [
        text("feature"),
        text("name"),
        number("soft"),
        number("hard"),
        text("unit"),
        text("window"),
        text("at soft"),
    ];
    format!(
        "{} ({}) version {}, {}{}\n{}",
        plan.code,
        plan.name,
        plan.version,
        plan.currency,
        cell(allowance),
        grid(&columns, &rows)
    )
}

fn feature_row(feature: &Feature) -> Vec<String> {
    let [counted, at_soft] = if feature.is_metered {
        [feature.window.to_string(), feature.soft_mode.to_string()]
    } else {
        ["shown only".to_string(), String::new()]
    };
    vec![
        feature.feature_key.to_string(),
        cell(feature.display_name.as_ref()),
        figure(feature.soft_limit),
        figure(feature.hard_limit),
        cell(feature.unit.as_ref()),
        counted,
        at_soft,
    ]
}

fn presets_shown() -> String {
    let row = |preset: &Preset, dimension: Dimension| {
        let Limits { soft, hard } = preset.limits(dimension);
        vec![
            preset.code.to_string(),
            dimension.key().to_string(),
            cell(soft.map(grouped)),
            cell(hard.map(grouped)),
            dimension.unit().to_string(),
        ]
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for preset in &PRESETS {
        rows.extend(Dimension::ALL.map(|dimension| row(preset, dimension)));
    }
    let columns = [
        text("plan"),
        text("feature"),
        number("soft"),
        number("hard"),
        text("unit"),
    ];
    let hints: Vec<String> = PRESETS
        .iter()
        .map(|preset| format!("{}: {}", preset.code, preset.hint))
        .collect();
    let room: Vec<String> = CAPACITY
        .iter()
        .map(|room| format!("{} {} {}", room.key, grouped(room.limit), room.unit))
        .collect();
    format!(
        "{}\n{}\nshown only, in every plan: {}",
        grid(&columns, &rows),
        hints.join("\n"),
        room.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn a_plan_shows_every_limit() {
        let plan = json!({"code":"pro","name":"Pro","version":3,"currency":"USD","allowance":"20",
            "features":[
            {"feature_key":"messages","display_name":"Messages","unit":"requests",
             "is_metered":true,"measure":"events","window":"period",
             "soft_limit":1000,"hard_limit":1500,"soft_mode":"warn","on_unavailable":"deny"},
            {"feature_key":"vector.stores_per_tenant","is_metered":false,
             "measure":"units:vector.stores_per_tenant","window":"period","hard_limit":10,
             "soft_mode":"warn","on_unavailable":"deny"}]});
        let shown = plan_shown(&from_value(plan).unwrap());
        assert!(
            shown.starts_with("pro (Pro) version 3, USD, allowance 20 a period\n"),
            "{shown}"
        );
        for part in ["1,000", "1,500", "period", "shown only"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn presets_show_their_limits_hints_and_capacity() {
        let shown = presets_shown();
        for part in [
            "starter",
            "250,000",
            "1,500,000",
            PRESETS[1].hint,
            "vector.max_file_bytes 536,870,912 bytes",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
