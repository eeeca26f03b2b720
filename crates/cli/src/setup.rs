//! `tollgate setup`: which plans allow how much, asked for or read from settings.

mod check;
mod draft;
mod files;
mod reading;
mod source;
mod terminal;
mod wizard;

use crate::artifact::Artifact;
use crate::failure::Failure;
use crate::output::{encode, print};
use draft::Draft;
use files::Files;
use serde::Serialize;
use source::Source;
use std::io::{IsTerminal, stderr, stdin};
use std::path::PathBuf;
use tollgate_core::Name;
use tollgate_gateway::SystemClock;
use tollgate_service::Clock;

/// Set up usage guardrails: plans, what they meter, and their limits
///
/// Writes var/reports/usage-entitlements.json, which `tollgate usage
/// sync-entitlements` brings into the plans of a server, and var/tollgate.env
/// with the same as settings. Nothing is written before a summary was confirmed.
///
/// Without questions (--headless) all comes from --set and the environment:
/// ENABLE_USAGE_GUARDRAILS (needed), USAGE_PLAN_CODES, USAGE_DIMENSIONS,
/// USAGE_{PLAN}_{FEATURE}_{SOFT|HARD}_LIMIT (empty for none),
/// USAGE_GUARDRAIL_SOFT_LIMIT_MODE, USAGE_PLAN_CURRENCY and
/// ENABLE_VECTOR_LIMIT_ENTITLEMENTS. With questions, the same are the answers
/// to begin with. What is not set is as in the file that is there, else as in
/// `tollgate plans presets`.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate setup\n  tollgate setup --headless --set ENABLE_USAGE_GUARDRAILS=true --set USAGE_PLAN_CODES=starter,pro \\\n    \
    --set USAGE_PRO_MESSAGES_HARD_LIMIT=2000"
)]
pub(crate) struct Args {
    /// Ask nothing: take all from --set and the environment
    #[arg(long)]
    headless: bool,
    /// A setting; it goes before the environment
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    settings: Vec<(String, String)>,
    /// Folder in which `var` is written
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
    /// Write without asking for confirmation
    #[arg(long)]
    yes: bool,
    /// Print JSON; questions and the summary go to stderr
    #[arg(long)]
    json: bool,
}

/// What was written, and where.
#[derive(Serialize)]
struct Written {
    enabled: bool,
    plans: Vec<Name>,
    artifact: String,
    settings: String,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let has_terminal = stdin().is_terminal() && stderr().is_terminal();
    if !args.headless && !has_terminal {
        return Err(Failure::new(
            "the wizard needs a terminal: without one, use --headless with settings",
        ));
    }
    let files = Files::below(&args.out);
    let kept = Some(&files.artifact)
        .filter(|path| path.exists())
        .map(|path| Artifact::read(path))
        .transpose();
    // With --force a file that cannot be read is replaced like any other.
    let kept = if args.force {
        kept.unwrap_or_default()
    } else {
        kept?
    };
    let is_agreed = args.force || !(args.headless || args.yes);
    if let Some(path) = files.present().first().filter(|_| !is_agreed) {
        return Err(Failure::new(format!(
            "`{}` is there already: --force replaces it",
            path.display()
        )));
    }
    let source = Source {
        given: args.settings.clone(),
        environment: Box::new(|key| std::env::var(key).ok()),
        kept,
    };
    let read = source
        .draft(args.headless)
        .map_err(|faults| faulty(&faults))?;
    let (draft, is_confirmed) = if args.headless {
        tell(&args, &read.summary())?;
        (read, true)
    } else {
        let mut terminal = terminal::Terminal;
        let draft = wizard::ask(&mut terminal, &source, read)?;
        tell(&args, &draft.summary())?;
        let is_confirmed = args.yes || wizard::confirm(&mut terminal, &files.present())?;
        (draft, is_confirmed)
    };
    if !is_confirmed {
        return Err(Failure::new("nothing was written"));
    }
    write(&args, &files, &source, &draft)
}

/// Writes both files and says where they are.
fn write(args: &Args, files: &Files, source: &Source, draft: &Draft) -> Result<(), Failure> {
    let kept = source
        .kept
        .as_ref()
        .map(|kept| kept.plans.as_slice())
        .unwrap_or_default();
    let artifact = draft.artifact(SystemClock.now().to_string(), kept);
    files.write(&artifact, &draft.settings_file())?;
    let [path, settings] =
        [&files.artifact, &files.settings].map(|path| path.display().to_string());
    if args.json {
        let plans = artifact.plans.into_iter();
        let written = Written {
            enabled: draft.enabled,
            plans: plans.map(|plan| plan.plan_code).collect(),
            artifact: path,
            settings,
        };
        return print(&encode(&written)?);
    }
    let next = match (draft.enabled, args.out.to_str()) {
        (false, _) => String::new(),
        (true, Some(".")) => "\nnext: tollgate usage sync-entitlements --create".to_string(),
        (true, _) => format!("\nnext: tollgate usage sync-entitlements --create --path {path}"),
    };
    print(&format!("wrote {path}\nwrote {settings}{next}"))
}

/// What is said beside the result.
fn tell(args: &Args, text: &str) -> Result<(), Failure> {
    if args.json {
        eprintln!("{text}");
        return Ok(());
    }
    print(text)
}

fn faulty(faults: &[String]) -> Failure {
    let count = match faults {
        [_] => "a setting is wrong".to_string(),
        _ => format!("{} settings are wrong", faults.len()),
    };
    Failure::new(format!("{count}: {}", faults.join("; ")))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.trim().to_string(), value.trim().to_string()))
}
