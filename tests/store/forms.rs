//! The forms of what is stored: both versions are read, and no flipped bit passes.
//!
//! The fixtures hold one of everything, as a store of each version had it, and what was
//! answered of it. `TOLLGATE_RECORD=1 cargo test -p tollgate-tests --test store record`
//! makes them anew: of a new version, once the one before has become the other file.

use crate::everything::{NOW, QUESTIONS, REPEATS, used};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use tollgate_core::{Attrs, Form, FormError, FormVersion, Key, Value, Write, renew};
use tollgate_service::{CopyError, Memory, Migrated, Store, Tenancy, migrate};
use tollgate_tests::TestApp;

type Items = BTreeMap<Key, Attrs>;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

fn line((key, attrs): (&Key, &Attrs)) -> String {
    let attribute = |(name, value): (&Arc<str>, &Value)| {
        let value = match value {
            Value::S(text) => json!({ "S": text }),
            Value::N(number) => json!({ "N": number.to_string() }),
            Value::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        };
        (name.to_string(), value)
    };
    let attrs: Map<String, Json> = attrs.iter().map(attribute).collect();
    json!({ "pk": key.pk, "sk": key.sk, "attrs": attrs }).to_string()
}

fn item(line: &str) -> (Key, Attrs) {
    let line: Json = serde_json::from_str(line).expect("an item");
    let text = |value: &Json| value.as_str().expect("text").to_owned();
    let attribute = |(name, value): (&String, &Json)| {
        let (kind, held) = value
            .as_object()
            .and_then(|of| of.iter().next())
            .expect("a value");
        let held = text(held);
        let value = match kind.as_str() {
            "S" => Value::S(held),
            "N" => Value::N(held.parse().expect("a number")),
            _ => Value::B(STANDARD.decode(held).expect("bytes")),
        };
        (Arc::from(name.as_str()), value)
    };
    let attrs = line["attrs"].as_object().expect("attributes");
    let key = Key::new(text(&line["pk"]), text(&line["sk"]));
    (key, attrs.iter().map(attribute).collect())
}

/// What a store of this version held.
fn items(version: FormVersion) -> Items {
    let text = std::fs::read_to_string(file(name(version))).expect("a fixture");
    text.lines().map(item).collect()
}

fn name(version: FormVersion) -> &'static str {
    match version {
        FormVersion::Current => "store-current.jsonl",
        FormVersion::Before => "store-before.jsonl",
    }
}

async fn store(items: &Items) -> Arc<Memory> {
    let memory = Memory::default();
    for (key, attrs) in items {
        let put = Write::put(key.clone(), attrs.clone());
        memory.commit(&[put]).await.expect("an item");
    }
    Arc::new(memory)
}

/// What is answered to all questions of a store that holds `items`.
async fn answers(items: &Items) -> BTreeMap<String, Json> {
    let memory = store(items).await;
    let mut answers = BTreeMap::new();
    for question in QUESTIONS {
        let answer = ask(memory.clone(), "GET", question, String::new()).await;
        answers.insert(question.to_owned(), answer);
    }
    for (path, body) in REPEATS {
        let memory = store(items).await;
        let answer = ask(memory, "POST", path, body.to_owned()).await;
        answers.insert(format!("{path} {body}"), answer);
    }
    answers
}

/// The answer of a process that knows nothing yet, without what is another each time.
async fn ask(memory: Arc<Memory>, method: &str, path: &str, body: String) -> Json {
    let app = TestApp::over(memory, Tenancy::Sole);
    app.clock.set(NOW);
    let request = TestApp::request(TestApp::operator(), method, path, body.into());
    let Some(reply) = app.try_send(request).await else {
        return json!("broken off");
    };
    let mut body = serde_json::from_str(&reply.text).unwrap_or_else(|_| json!(reply.text));
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
        body.remove("next_cursor");
    }
    json!({ "status": reply.status, "body": body })
}

fn recorded() -> BTreeMap<String, Json> {
    let text = std::fs::read_to_string(file("answers.json")).expect("a fixture");
    serde_json::from_str(&text).expect("answers")
}

#[tokio::test]
async fn record_the_fixtures() {
    if std::env::var("TOLLGATE_RECORD").is_err() {
        return;
    }
    let (current, before) = (Arc::new(used().await), Memory::default());
    for (key, attrs) in current.dump() {
        before
            .commit(&[Write::put(key, attrs)])
            .await
            .expect("an item");
    }
    migrate(&before, FormVersion::Before, |_| {})
        .await
        .expect("the version before");
    for (version, items) in [
        (FormVersion::Current, current.dump()),
        (FormVersion::Before, before.dump()),
    ] {
        let lines: Vec<String> = items.iter().map(line).collect();
        std::fs::write(file(name(version)), lines.join("\n") + "\n").expect("a file");
    }
    let answers = answers(&current.dump()).await;
    let answers = serde_json::to_string_pretty(&answers).expect("JSON");
    std::fs::write(file("answers.json"), answers + "\n").expect("a file");
}

#[tokio::test]
async fn what_either_version_wrote_is_answered_as_it_was() {
    for version in [FormVersion::Current, FormVersion::Before] {
        let recorded = recorded();
        for (question, answer) in answers(&items(version)).await {
            assert_eq!(recorded[&question], answer, "{version:?}: {question}");
            assert!(
                answer["status"].as_u64() < Some(300),
                "{question}: {answer}"
            );
        }
    }
}

#[test]
fn the_fixtures_hold_every_form() {
    for version in [FormVersion::Current, FormVersion::Before] {
        let mut forms = BTreeSet::new();
        for (key, attrs) in items(version) {
            for (name, value) in &attrs {
                let form = Form::at(&key, name);
                assert_eq!(
                    form.is_some_and(|_| value.as_bytes().is_some()),
                    matches!(value, Value::B(_)) && !["fp", "cr"].contains(&&**name),
                    "{key:?} {name}"
                );
                forms.extend(form.filter(|_| value.as_bytes().is_some()));
            }
        }
        assert!(forms.iter().eq(Form::ALL.iter()), "{forms:?}");
    }
}

#[tokio::test]
async fn a_store_is_migrated_to_either_version_byte_for_byte_and_once() {
    let (current, before) = (items(FormVersion::Current), items(FormVersion::Before));
    let memory = store(&before).await;
    for (to, expected) in [
        (FormVersion::Current, &current),
        (FormVersion::Before, &before),
    ] {
        let mut last = Migrated::default();
        let done = migrate(&*memory, to, |done| last = done)
            .await
            .expect("done");
        assert_eq!((done, done.items), (last, expected.len() as u64));
        assert!(memory.dump() == *expected, "{to:?}");
        let differ = current
            .iter()
            .filter(|(key, attrs)| before[*key] != **attrs);
        assert_eq!(done.rewritten, differ.count() as u64);
        let again = migrate(&*memory, to, |_| {}).await.expect("done");
        assert_eq!((again.items, again.rewritten), (done.items, 0));
    }
    let (key, attrs) = current.first_key_value().expect("an item");
    let mut attrs = attrs.clone();
    for value in attrs.values_mut() {
        if let Value::B(bytes) = value {
            bytes.pop();
        }
    }
    let damage = Write::put(key.clone(), attrs);
    memory.commit(&[damage]).await.expect("damage");
    assert_eq!(
        migrate(&*memory, FormVersion::Current, |_| {}).await,
        Err(CopyError::Unreadable(key.clone(), FormError::Damaged))
    );
}

/// `attrs` with a bit of an attribute's bytes turned over.
fn flipped(attrs: &Attrs, name: &Arc<str>, bit: usize) -> Attrs {
    let mut attrs = attrs.clone();
    if let Some(Value::B(bytes)) = attrs.get_mut(name) {
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    attrs
}

#[test]
fn no_flipped_bit_of_any_stored_bytes_is_read() {
    let mut flips = 0;
    for (key, attrs) in items(FormVersion::Current) {
        for (name, value) in &attrs {
            let Value::B(bytes) = value else { continue };
            for bit in 0..bytes.len() * 8 {
                let item = flipped(&attrs, name, bit);
                let read = renew(&key, &item, FormVersion::Current);
                assert!(read.is_err(), "{key:?} {name}, bit {bit}: {read:?}");
                flips += 1;
            }
        }
    }
    assert!(flips > 50_000, "{flips}");
}

#[tokio::test]
async fn a_flipped_bit_is_told_as_damaged_and_never_counted() {
    let (items, recorded) = (items(FormVersion::Current), recorded());
    let mut told = 0;
    for (number, (key, attrs)) in items.iter().enumerate() {
        for (name, value) in attrs {
            let Value::B(bytes) = value else { continue };
            let mut damaged = items.clone();
            let bit = number * 131 % (bytes.len() * 8);
            damaged.insert(key.clone(), flipped(attrs, name, bit));
            for (question, answer) in answers(&damaged).await {
                let is_told = answer["body"]["code"] == "damaged" || answer == "broken off";
                assert!(
                    is_told || answer == recorded[&question],
                    "{key:?} {name}, bit {bit}: {question}: {answer}"
                );
                told += usize::from(is_told);
            }
        }
    }
    assert!(told > 300, "{told}");
}
