//! `tollgate keys`: make, list and revoke API keys.

use crate::call::{Call, target};
use crate::client::{CallError, Client};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::first_key;
use crate::names;
use crate::output::{cell, print, print_either, table};
use crate::retry::Patience;
use serde_json::{Map, Value, json};
use tollgate_core::{Instant, Name};

/// Make, list and revoke API keys
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate keys create --tenant acme --scope ingest --scope read --name worker"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a key; it is shown once
    Create(Create),
    /// List keys
    List(List),
    /// Revoke a key
    Revoke(Revoke),
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate keys create --tenant acme --scope ingest,read --expires-at 2027-01-01T00:00:00Z\n  \
    tollgate keys create --operator --table tollgate"
)]
struct Create {
    /// Tenant that the key is fixed to
    #[arg(long, value_parser = names::in_path, required_unless_present = "operator")]
    tenant: Option<Name>,
    /// What it may do; repeatable
    #[arg(
        long = "scope",
        value_enum,
        value_delimiter = ',',
        required_unless_present = "operator"
    )]
    scopes: Vec<Scope>,
    /// Make an operator's key, for everything of all tenants
    #[arg(long, conflicts_with_all = ["tenant", "scopes"])]
    operator: bool,
    /// Write the key into this DynamoDB table instead of asking the API: the first key
    #[arg(long, requires = "operator")]
    table: Option<String>,
    /// Name to list it under
    #[arg(long)]
    name: Option<String>,
    /// Time from which it is refused
    #[arg(long, value_parser = instant)]
    expires_at: Option<Instant>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate keys list --tenant acme")]
struct List {
    /// Only keys of this tenant
    #[arg(long, value_parser = names::in_path)]
    tenant: Option<Name>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate keys revoke KEY_ID")]
struct Revoke {
    /// Id of the key, as `keys list` shows it
    #[arg(value_parser = names::in_path)]
    key_id: Name,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a tenant's key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scope {
    /// Record, check, hold
    Ingest,
    /// As ingest, but never past a limit: the key for an agent
    Enforce,
    /// Override costs, beside ingest
    Price,
    /// Read
    Read,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Create(args) => create(args).await,
        Command::List(args) => list(args).await,
        Command::Revoke(args) => revoke(args).await,
    }
}

async fn create(args: Create) -> Result<(), Failure> {
    if let Some(table) = &args.table {
        return first_key::create(table, args.name.as_deref(), args.expires_at, args.json).await;
    }
    let call = Call::post("/keys", args.body().to_string()).once_only()?;
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let made = client.send(&call).await.map_err(lost_answer)?;
    print_either(args.json, &made, |made| {
        format!(
            "key id  {}\nkey     {}\nThe key is not shown again.",
            cell(&made["key_id"]),
            cell(&made["key"])
        )
    })
}

async fn list(args: List) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let mut keys = client.list("/keys").await?;
    if let Some(tenant) = &args.tenant {
        keys.retain(|key| key["tenant_id"] == tenant.as_str());
    }
    if args.json {
        return print(&json!({"count": keys.len(), "data": keys}).to_string());
    }
    let columns = [
        "key_id",
        "tenant_id",
        "scopes",
        "name",
        "created",
        "expires_at",
        "revoked_at",
    ];
    let rows: Vec<_> = keys
        .iter()
        .map(|key| columns.iter().map(|column| cell(&key[*column])).collect())
        .collect();
    print(&table(&columns, &rows))
}

async fn revoke(args: Revoke) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let call = Call::delete(target(&format!("/keys/{}", args.key_id), &[]));
    let revoked = client.send(&call).await?;
    let id = args.key_id.as_str();
    let body = if revoked.is_null() {
        json!({"key_id": id, "revoked": true})
    } else {
        revoked
    };
    print_either(args.json, &body, |_| format!("revoked {id}"))
}

impl Create {
    fn body(&self) -> Value {
        let scopes: Vec<&str> = if self.operator {
            vec!["operator"]
        } else {
            self.scopes.iter().map(|scope| scope.as_str()).collect()
        };
        let mut body = Map::new();
        body.insert("scopes".into(), scopes.into());
        let fields = [
            ("tenant_id", self.tenant.as_ref().map(Name::to_string)),
            ("name", self.name.clone()),
            ("expires_at", self.expires_at.map(|at| at.to_string())),
        ];
        for (field, value) in fields {
            body.extend(value.map(|value| (field.to_string(), value.into())));
        }
        Value::Object(body)
    }
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Enforce => "enforce",
            Self::Price => "price",
            Self::Read => "read",
        }
    }
}

/// A try whose answer got lost made the key: its repetition is told the id,
/// never the key.
fn lost_answer(error: CallError) -> Failure {
    let made = match &error {
        CallError::Refused(problem) if problem.status == 409 => problem.body["key_id"].as_str(),
        CallError::Refused(_) | CallError::Unreachable(_) => None,
    };
    match made {
        Some(id) => Failure::new(format!(
            "key `{id}` was made but its answer was lost: revoke it and make another"
        )),
        None => error.into(),
    }
}

fn instant(text: &str) -> Result<Instant, tollgate_core::InstantError> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn a_key_whose_answer_was_lost_is_named() {
        let body = json!({"code":"conflict","key_id":"k1"});
        let failure = lost_answer(CallError::Refused(Problem { status: 409, body }));
        assert_eq!(
            failure.to_string(),
            "key `k1` was made but its answer was lost: revoke it and make another"
        );
    }
}
