//! Which crate may import which.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};

/// What each package may import of ours.
fn may_import(package: &str) -> &'static [&'static str] {
    match package {
        "tollgate-core" => &[],
        "tollgate-api" | "tollgate-service" => &["core"],
        "tollgate-recorder" => &["core"],
        "tollgate-dynamo" | "tollgate-sqlite" | "tollgate-sqs" => &["service", "core"],
        "tollgate-edge" => &["api", "core"],
        "tollgate-gateway" => &["api", "service", "core"],
        "tollgate-ingest" | "tollgate-query" | "tollgate-quota" | "tollgate-billing"
        | "tollgate-purge" => &["gateway", "api", "service", "core"],
        // Their main.rs files.
        "tollgate-functions" => &[
            "ingest", "query", "quota", "billing", "purge", "gateway", "dynamo", "sqs",
        ],
        "tollgate-cli" => &[
            "ingest", "query", "quota", "billing", "purge", "gateway", "dynamo", "sqlite", "api",
            "service", "core",
        ],
        "tollgate-tests" => &[
            "ingest", "query", "quota", "billing", "purge", "gateway", "dynamo", "sqlite", "sqs",
            "api", "service", "core",
        ],
        other => panic!("`{other}` has no place among the layers yet"),
    }
}

pub(crate) fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .no_deps();
    command.exec().expect("cargo metadata")
}

/// The packages that `package` uses, but for its own tests.
fn imports(package: &Package) -> impl Iterator<Item = &str> {
    let used = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development);
    used.map(|dependency| dependency.name.as_str())
}

#[test]
fn every_crate_imports_only_the_layers_below_it() {
    let metadata = metadata();
    for package in &metadata.packages {
        let allowed: BTreeSet<String> = may_import(&package.name)
            .iter()
            .map(|name| format!("tollgate-{name}"))
            .collect();
        for import in imports(package).filter(|name| name.starts_with("tollgate-")) {
            assert!(
                allowed.contains(import),
                "{} may not import {import}",
                package.name
            );
        }
    }
}

#[test]
fn the_sdk_is_known_to_dynamo_and_sqs_and_lambda_to_the_functions_alone() {
    for package in &metadata().packages {
        for import in imports(package) {
            let aws = import.starts_with("aws-")
                && !["tollgate-dynamo", "tollgate-sqs", "tollgate-tests"]
                    .contains(&package.name.as_str());
            assert!(!aws, "{} may not import {import}", package.name);
            let is_function = package.name == "tollgate-functions";
            assert!(
                !import.starts_with("lambda_") || is_function,
                "{} may not import {import}",
                package.name
            );
        }
    }
}

#[test]
fn core_imports_nothing_that_has_an_outside() {
    // `schemars` is only there with the feature `schema`, and describes types.
    const PURE: [&str; 10] = [
        "crc32fast",
        "jiff",
        "postcard",
        "roaring",
        "rust_decimal",
        "schemars",
        "serde",
        "sha2",
        "smallvec",
        "thiserror",
    ];
    let metadata = metadata();
    let core = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "tollgate-core")
        .expect("core");
    for import in imports(core) {
        assert!(
            PURE.contains(&import),
            "core may not import {import} before this list says why it is pure"
        );
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let metadata = metadata();
    let workspace =
        std::fs::read_to_string(metadata.workspace_root.join("Cargo.toml")).expect("a manifest");
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let mut lints: BTreeMap<&str, bool> = BTreeMap::new();
    for package in &metadata.packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("a manifest");
        lints.insert(
            &package.name,
            manifest.contains("[lints]\nworkspace = true")
                || manifest.contains("unsafe_code = \"forbid\""),
        );
    }
    assert!(lints.values().all(|taken| *taken), "{lints:?}");
}
