//! `tollgate price`: what an event would cost.

use crate::call::Call;
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::names;
use crate::output::{cell, encode, print, print_either};
use crate::problem::list_errors;
use crate::retry::Patience;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use tollgate_api::Validity;
use tollgate_core::Name;

/// Price an event without recording it
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate price event.json\n  \
    echo '{\"operation\":\"hitl_approval\",\"tenant_id\":\"acme\"}' | tollgate price -")]
pub(crate) struct Args {
    /// JSON file with one event; `-` reads standard input
    event: PathBuf,
    /// Tenant that would pay, where the event names none
    #[arg(long, value_parser = names::in_path)]
    tenant: Option<Name>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command. The event goes out as its file has it, digit by digit.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let event = args.body()?;
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let call = Call::post("/usage/validate", event);
    let answer: Validity = client.send(&call).await?;
    if answer.valid {
        return print_either(args.json, &answer, |answer| {
            format!("{} {}", cell(answer.cost), cell(answer.currency))
        });
    }
    if args.json {
        print(&encode(&answer)?)?;
    }
    Err(Failure::new(format!(
        "the event is not valid: {}",
        list_errors(&answer.errors)
    )))
}

impl Args {
    fn body(&self) -> Result<String, Failure> {
        let mut text = String::new();
        let read = match self.event.to_str() {
            Some("-") => std::io::stdin().read_to_string(&mut text).map(drop),
            _ => std::fs::read_to_string(&self.event).map(|file| text = file),
        };
        let action = format!("read the event `{}`", self.event.display());
        read.map_err(|error| Failure::to(&action, error))?;
        if text.trim().is_empty() {
            return Err(Failure::to(action, "it is empty"));
        }
        match &self.tenant {
            Some(tenant) => with_tenant(&text, tenant).map_err(|error| Failure::to(action, error)),
            None => Ok(text),
        }
    }
}

/// The event with its tenant, every other value as it was written.
fn with_tenant(text: &str, tenant: &Name) -> Result<String, serde_json::Error> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
    if !fields.contains_key("tenant_id") {
        fields.insert("tenant_id".into(), to_raw_value(tenant)?);
    }
    serde_json::to_string(&fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_added_where_there_is_none_and_digits_stay() {
        let acme = Name::new("acme").unwrap();
        let event = r#"{"operation":"x","latency_ms":1.10000000000000000001}"#;
        let expected =
            r#"{"latency_ms":1.10000000000000000001,"operation":"x","tenant_id":"acme"}"#;
        assert_eq!(with_tenant(event, &acme).unwrap(), expected);
        let named = r#"{"operation":"x","tenant_id":"other"}"#;
        assert_eq!(with_tenant(named, &acme).unwrap(), named);
    }
}
