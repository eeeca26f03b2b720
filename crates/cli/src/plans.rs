//! `tollgate plans`: what a subscription allows.

use crate::call::Call;
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::grid::{figure, grid, number, text};
use crate::names;
use crate::output::{cell, print, print_either};
use crate::presets::{CAPACITY, Dimension, Limits, PRESETS, Preset, presets_json};
use crate::retry::Patience;
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
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

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Presets(args) => print_either(args.json, &presets_json(), |_| presets_shown()),
        Command::List(args) => list(args).await,
        Command::Show(args) => show(args).await,
        Command::Put(args) => put(args).await,
    }
}

async fn list(args: List) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let plans = client.list("/plans").await?;
    if args.json {
        return print(&json!({ "count": plans.len(), "data": plans }).to_string());
    }
    let features = |plan: &Value| plan["features"].as_array().map_or(0, Vec::len).to_string();
    let row = |plan: &Value| {
        let [code, name, version, currency, allowance] =
            ["code", "name", "version", "currency", "allowance"].map(|column| cell(&plan[column]));
        vec![code, name, version, features(plan), allowance, currency]
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
    let plan = client
        .find(&Call::get(format!("/plans/{}", args.code)))
        .await?;
    let plan = plan.ok_or_else(|| Failure::new(format!("there is no plan `{}`", args.code)))?;
    print_either(args.json, &plan, plan_shown)
}

async fn put(args: Put) -> Result<(), Failure> {
    let text = read(&args.file)?;
    let action = format!("read the plan `{}`", args.file.display());
    let plan: Value = serde_json::from_str(&text).map_err(|error| Failure::to(&action, error))?;
    let named = plan["code"]
        .as_str()
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
    let plan = client
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
fn plan_shown(plan: &Value) -> String {
    let features = plan["features"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let row = |feature: &Value| {
        let of = |name: &str| cell(&feature[name]);
        let is_metered = feature["is_metered"] != false;
        let [counted, at_soft] = if is_metered {
            [of("window"), of("soft_mode")]
        } else {
            ["shown only".to_string(), String::new()]
        };
        vec![
            of("feature_key"),
            of("display_name"),
            figure(&feature["soft_limit"]),
            figure(&feature["hard_limit"]),
            of("unit"),
            counted,
            at_soft,
        ]
    };
    let rows: Vec<_> = features.iter().map(row).collect();
    let [code, name, version, currency] =
        ["code", "name", "version", "currency"].map(|name| cell(&plan[name]));
    let allowance = match &plan["allowance"] {
        Value::Null => String::new(),
        amount => format!(", allowance {} a period", cell(amount)),
    };
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
        "{code} ({name}) version {version}, {currency}{allowance}\n{}",
        grid(&columns, &rows)
    )
}

fn presets_shown() -> String {
    let row = |preset: &Preset, dimension: Dimension| {
        let Limits { soft, hard } = preset.limits(dimension);
        vec![
            preset.code.to_string(),
            dimension.key().to_string(),
            figure(&json!(soft)),
            figure(&json!(hard)),
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
        .map(|room| format!("{} {} {}", room.key, figure(&json!(room.limit)), room.unit))
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

    #[test]
    fn a_plan_shows_every_limit() {
        let plan = json!({"code":"pro","name":"Pro","version":3,"currency":"USD","allowance":"20",
            "features":[
            {"feature_key":"messages","display_name":"Messages","unit":"requests","is_metered":true,
             "soft_limit":1000,"hard_limit":1500,
             "window":"period","soft_mode":"warn"},
            {"feature_key":"vector.stores_per_tenant","is_metered":false,"hard_limit":10}]});
        let shown = plan_shown(&plan);
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
