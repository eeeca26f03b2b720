//! The same questions, asked of each store.

use crate::local::{self, Local};
use crate::questions;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use tollgate_dynamo::embedded;
use tollgate_service::{Memory, Store};
use tollgate_tests::file_in;

/// Asks `store` every question, and says at the end which it got wrong.
async fn ask(name: &str, store: &dyn Store) {
    let mut wrong = Vec::new();
    let questions = questions::all();
    for question in &questions {
        if AssertUnwindSafe((question.ask)(store))
            .catch_unwind()
            .await
            .is_err()
        {
            eprintln!("wrong: {name}: {}", question.name);
            wrong.push(question.name);
        }
    }
    assert!(
        wrong.is_empty(),
        "{name} answered {} of {} questions wrong: {wrong:?}",
        wrong.len(),
        questions.len()
    );
    println!("{name}: {} questions", questions.len());
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    ask("memory", &Memory::default()).await;
}

#[tokio::test]
async fn the_embedded_dynamodb_keeps_the_contract() {
    ask("dynoxide", &embedded::open(None).await.expect("a store")).await;
}

#[tokio::test]
async fn the_embedded_store_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    ask("embedded", &file_in(folder.path())).await;
}

#[tokio::test]
async fn dynamodb_local_keeps_the_contract() {
    let Some(folder) = local::folder() else {
        println!(
            "skipped: {} is not set; `eval \"$(.ci/tools)\"` installs DynamoDB Local and sets it",
            local::FOLDER
        );
        return;
    };
    let local = Local::start(&folder).await;
    ask("DynamoDB Local", &local.store("contract").await).await;
}
