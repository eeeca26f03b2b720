//! `tollgate usage sync-entitlements`: a file of entitlements into the plans.

mod diff;

use crate::artifact::{Artifact, PATH, Plan};
use crate::call::Call;
use crate::client::{CallError, Client};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::grid::{grid, number, text};
use crate::names;
use crate::output::{encode, print};
use crate::progress;
use crate::retry::Patience;
use diff::{Change, Diff, Wish, diff, first};
use serde::Serialize;
use std::path::PathBuf;
use tollgate_api as api;
use tollgate_core::{Currency, Name};

/// Bring a file of entitlements into the plans of a server
///
/// Features that the file has are inserted or updated; what it leaves out of
/// them, such as a window, stays. No plan is changed before all were found.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate usage sync-entitlements --dry-run\n  \
    tollgate usage sync-entitlements --plan starter --plan pro --create"
)]
pub(super) struct Args {
    /// The file, as `tollgate setup` writes it
    #[arg(long, value_name = "FILE", default_value = PATH)]
    path: PathBuf,
    /// Only this plan; repeatable
    #[arg(long = "plan", value_name = "CODE", value_parser = names::in_path)]
    plans: Vec<Name>,
    /// Remove features that the file does not have
    #[arg(long)]
    prune_missing: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Take a file that says `enabled: false` too
    #[arg(long)]
    allow_disabled_artifact: bool,
    /// Make plans that the server does not have
    #[arg(long)]
    create: bool,
    /// Currency of plans that are made; else the file's, else USD
    #[arg(long, requires = "create", value_parser = currency)]
    currency: Option<Currency>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A plan of the file beside that of the server.
struct Step<'a> {
    plan: &'a Plan,
    /// Whether the server has none.
    is_new: bool,
    diff: Diff,
}

/// What was brought in, as JSON.
#[derive(Serialize)]
struct Told<'a> {
    artifact: String,
    enabled: bool,
    dry_run: bool,
    plans: Vec<ToldPlan<'a>>,
}

#[derive(Serialize)]
struct ToldPlan<'a> {
    plan_code: &'a Name,
    created: bool,
    version: u64,
    inserted: usize,
    updated: usize,
    unchanged: usize,
    pruned: usize,
    features: Vec<ToldFeature<'a>>,
}

#[derive(Serialize)]
struct ToldFeature<'a> {
    feature_key: &'a Name,
    change: Change,
}

/// How often a plan that someone else changes meanwhile is read again.
const TRIES: usize = 5;

/// Runs the command.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let artifact = Artifact::read(&args.path)?;
    let plans = args.pick(&artifact)?;
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let wish = Wish {
        soft_mode: artifact.soft_limit_mode,
        prunes: args.prune_missing,
    };
    let mut steps = Vec::new();
    let bar = progress::bar(plans.len(), "plans read");
    for plan in plans {
        bar.set_message(plan.plan_code.to_string());
        let found: Option<api::Plan> = client.find(&Call::get(path(plan))).await?;
        let currency = args.currency.or(artifact.currency).unwrap_or(Currency::USD);
        let is_new = found.is_none();
        let stored = found.unwrap_or_else(|| first(&plan.plan_code, currency));
        steps.push(Step {
            plan,
            is_new,
            diff: diff(stored, plan, wish)?,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let unknown: Vec<String> = steps
        .iter()
        .filter(|step| step.is_new)
        .map(|step| format!("`{}`", step.plan.plan_code))
        .collect();
    if !unknown.is_empty() && !args.create {
        let what = if unknown.len() == 1 {
            "plan unknown"
        } else {
            "plans unknown"
        };
        return Err(Failure::new(format!(
            "{what}: {}; --create makes what is missing",
            unknown.join(", ")
        )));
    }
    if !args.dry_run {
        let bar = progress::bar(steps.len(), "plans written");
        for step in &mut steps {
            bar.set_message(step.plan.plan_code.to_string());
            write(&client, step, wish).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
    }
    if args.json {
        return print(&encode(&args.told(&artifact, &steps))?);
    }
    print(&args.shown(&steps))
}

impl Step<'_> {
    fn told(&self) -> ToldPlan<'_> {
        let [inserted, updated, unchanged, pruned] = self.diff.counts();
        let changes = self.diff.changes.iter();
        let features = changes.map(|(key, change)| ToldFeature {
            feature_key: key,
            change: *change,
        });
        ToldPlan {
            plan_code: &self.plan.plan_code,
            created: self.is_new,
            version: self.diff.plan.version,
            inserted,
            updated,
            unchanged,
            pruned,
            features: features.collect(),
        }
    }
}

/// Puts the plan, unless nothing changes. Who changed it meanwhile, or whose
/// answer was lost, has it read again.
async fn write(client: &Client, step: &mut Step<'_>, wish: Wish) -> Result<(), Failure> {
    for _ in 0..TRIES {
        if !step.diff.is_change(step.is_new) {
            return Ok(());
        }
        let plan = &step.diff.plan;
        let put = Call::put(path(step.plan), encode(plan)?).if_version(plan.version);
        match client.send(&put).await {
            Ok(plan) => {
                step.diff.plan = plan;
                return Ok(());
            }
            Err(CallError::Refused(problem)) if problem.status == 412 => {}
            Err(error) => {
                return Err(Failure::to(
                    format!("put the plan `{}`", step.plan.plan_code),
                    error.reason(),
                ));
            }
        }
        let stored: api::Plan = client.send(&Call::get(path(step.plan))).await?;
        let again = diff(stored, step.plan, wish)?;
        if !again.is_change(false) {
            step.diff.plan = again.plan;
            return Ok(());
        }
        (step.diff, step.is_new) = (again, false);
    }
    Err(Failure::new(format!(
        "the plan `{}` is changed by someone else all the time",
        step.plan.plan_code
    )))
}

fn path(plan: &Plan) -> String {
    format!("/plans/{}", plan.plan_code)
}

impl Args {
    /// The plans to bring in.
    fn pick<'a>(&self, artifact: &'a Artifact) -> Result<Vec<&'a Plan>, Failure> {
        let file = self.path.display();
        if !artifact.enabled && !self.allow_disabled_artifact {
            return Err(Failure::new(format!(
                "`{file}` says that guardrails are off: --allow-disabled-artifact takes it all the same"
            )));
        }
        let has = |code: &Name| artifact.plans.iter().any(|plan| plan.plan_code == *code);
        if let Some(code) = self.plans.iter().find(|code| !has(code)) {
            return Err(Failure::new(format!("`{file}` has no plan `{code}`")));
        }
        let picked = |plan: &&Plan| self.plans.is_empty() || self.plans.contains(&plan.plan_code);
        let plans: Vec<&Plan> = artifact.plans.iter().filter(picked).collect();
        if plans.is_empty() {
            Err(Failure::new(format!("`{file}` has no plan")))
        } else {
            Ok(plans)
        }
    }

    fn told<'a>(&self, artifact: &Artifact, steps: &'a [Step<'_>]) -> Told<'a> {
        Told {
            artifact: self.path.display().to_string(),
            enabled: artifact.enabled,
            dry_run: self.dry_run,
            plans: steps.iter().map(Step::told).collect(),
        }
    }

    fn shown(&self, steps: &[Step<'_>]) -> String {
        let row = |step: &Step<'_>| {
            let made = if step.is_new { " (new)" } else { "" };
            let counts = step.diff.counts().map(|count| count.to_string());
            let version = step.diff.plan.version.to_string();
            std::iter::once(format!("{}{made}", step.plan.plan_code))
                .chain(counts)
                .chain([version])
                .collect()
        };
        let rows: Vec<Vec<String>> = steps.iter().map(row).collect();
        let columns = [
            text("plan"),
            number("inserted"),
            number("updated"),
            number("unchanged"),
            number("pruned"),
            number("version"),
        ];
        let end = if self.dry_run {
            "\ndry run: nothing was changed"
        } else {
            ""
        };
        format!("{}{end}", grid(&columns, &rows))
    }
}

fn currency(text: &str) -> Result<Currency, String> {
    text.parse()
        .map_err(|error: <Currency as std::str::FromStr>::Err| error.to_string())
}
