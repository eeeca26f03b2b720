//! `tollgate keys`: make, list and revoke API keys.

use crate::call::{Call, target};
use crate::client::{CallError, Client};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::first_key;
use crate::names;
use crate::output::{cell, encode, print, print_either, print_list, table};
use crate::problem::Problem;
use crate::retry::Patience;
use serde::Serialize;
use tollgate_api::{Key, MadeKey};
use tollgate_core::{Instant, KeyScope, Name};

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

/// A key as it is asked for.
#[derive(Serialize)]
struct Order<'a> {
    scopes: Vec<KeyScope>,
    tenant_id: Option<&'a Name>,
    name: Option<&'a str>,
    expires_at: Option<Instant>,
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
    let call = Call::post("/keys", encode(&args.order())?).once_only()?;
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let made: MadeKey = client.send(&call).await.map_err(lost_answer)?;
    print_either(args.json, &made, |made| {
        format!(
            "key id  {}\nkey     {}\nThe key is not shown again.",
            made.about.key_id, made.key
        )
    })
}

async fn list(args: List) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let mut keys: Vec<Key> = client.list("/keys").await?;
    if let Some(tenant) = &args.tenant {
        keys.retain(|key| key.tenant_id.as_ref() == Some(tenant));
    }
    if args.json {
        return print_list(&keys);
    }
    let columns = [
        "key_id",
        "tenant_id",
        "scopes",
        "name",
        "created_at",
        "expires_at",
        "revoked_at",
    ];
    let rows: Vec<_> = keys.iter().map(row).collect();
    print(&table(&columns, &rows))
}

/// A key as a line of the list.
fn row(key: &Key) -> Vec<String> {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    vec![
        key.key_id.clone(),
        cell(key.tenant_id.as_ref()),
        scopes.join(" "),
        cell(key.name.as_ref()),
        key.created_at.to_string(),
        cell(key.expires_at),
        cell(key.revoked_at),
    ]
}

async fn revoke(args: Revoke) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let call = Call::delete(target(&format!("/keys/{}", args.key_id), &[]));
    let revoked: Key = client.send(&call).await?;
    print_either(args.json, &revoked, |key| format!("revoked {}", key.key_id))
}

impl Create {
    fn order(&self) -> Order<'_> {
        let scopes = if self.operator {
            vec![KeyScope::Operator]
        } else {
            self.scopes.iter().map(|scope| scope.of_key()).collect()
        };
        Order {
            scopes,
            tenant_id: self.tenant.as_ref(),
            name: self.name.as_deref(),
            expires_at: self.expires_at,
        }
    }
}

impl Scope {
    fn of_key(self) -> KeyScope {
        match self {
            Self::Ingest => KeyScope::Ingest,
            Self::Enforce => KeyScope::Enforce,
            Self::Price => KeyScope::Price,
            Self::Read => KeyScope::Read,
        }
    }
}

/// A try whose answer got lost made the key: its repetition is told the id,
/// never the key.
fn lost_answer(error: CallError) -> Failure {
    match error {
        CallError::Refused(Problem {
            key_id: Some(id), ..
        }) => Failure::new(format!(
            "key `{id}` was made but its answer was lost: revoke it and make another"
        )),
        error => error.into(),
    }
}

fn instant(text: &str) -> Result<Instant, tollgate_core::InstantError> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_whose_answer_was_lost_is_named() {
        let refusal = tollgate_api::Problem::key_repeated("k1").body("r1");
        let failure = lost_answer(CallError::Refused(refusal.into()));
        assert_eq!(
            failure.to_string(),
            "key `k1` was made but its answer was lost: revoke it and make another"
        );
    }
}
