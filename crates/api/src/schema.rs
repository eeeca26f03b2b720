//! The schemas of openapi.json, made of the types that requests are answered with.

use crate::answers::alert::{Alert, AlertsState};
use crate::answers::audit::AuditEntry;
use crate::answers::batch::BatchAnswer;
use crate::answers::bill::BillAnswer;
use crate::answers::budget::BudgetState;
use crate::answers::card::{RateCardPut, RateCardVersion};
use crate::answers::cost::Cost;
use crate::answers::credit::{Credits, GrantStanding, MadeGrant};
use crate::answers::defaults::DefaultsAnswer;
use crate::answers::entitlement::Entitlements;
use crate::answers::event::{Checked, Recorded, UsageBatchRecorded, UsageRecorded, Voided};
use crate::answers::exchange::ExchangeRatesVersion;
use crate::answers::group::{Groups, People};
use crate::answers::hold::{Captured, Hold, TakenHold};
use crate::answers::key::{Key, MadeKey};
use crate::answers::limit::Limits;
use crate::answers::list::List;
use crate::answers::plan::{Plan, SubscriptionState};
use crate::answers::purge::Purged;
use crate::answers::quota::{QuotaSet, QuotaState};
use crate::answers::record::StoredEvent;
use crate::answers::service::{Health, Service};
use crate::answers::stats::Stats;
use crate::answers::tenant::Tenant;
use crate::answers::totals::{Summary, Task, TenantUsage};
use crate::answers::tree::Tree;
use crate::answers::validity::Validity;
use crate::kind::Kind;
use crate::problem::{ProblemAbout, ProblemBody};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What answers are made of, by name, as `components.schemas` has them.
#[must_use]
pub fn answer_schemas() -> Map<String, Value> {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    add_answers(&mut generator);
    let mut schemas = generator.take_definitions(true);
    for schema in schemas.values_mut() {
        close(schema);
        forbid_nulls(schema);
    }
    schemas.extend(problems());
    schemas.sort_keys();
    schemas
}

fn add_answers(generator: &mut SchemaGenerator) {
    fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
        generator.subschema_for::<T>();
    }
    add::<Alert>(generator);
    add::<AlertsState>(generator);
    add::<List<AuditEntry>>(generator);
    add::<BatchAnswer>(generator);
    add::<BillAnswer>(generator);
    add::<BudgetState>(generator);
    add::<List<Cost>>(generator);
    add::<List<RateCardVersion>>(generator);
    add::<RateCardPut>(generator);
    add::<DefaultsAnswer>(generator);
    add::<Credits>(generator);
    add::<MadeGrant>(generator);
    add::<List<GrantStanding>>(generator);
    add::<Entitlements>(generator);
    add::<Checked>(generator);
    add::<Recorded>(generator);
    add::<UsageBatchRecorded>(generator);
    add::<UsageRecorded>(generator);
    add::<Voided>(generator);
    add::<List<ExchangeRatesVersion>>(generator);
    add::<Captured>(generator);
    add::<TakenHold>(generator);
    add::<List<Hold>>(generator);
    add::<MadeKey>(generator);
    add::<List<Key>>(generator);
    add::<Limits>(generator);
    add::<List<Plan>>(generator);
    add::<SubscriptionState>(generator);
    add::<Purged>(generator);
    add::<QuotaSet>(generator);
    add::<QuotaState>(generator);
    add::<List<StoredEvent>>(generator);
    add::<Health>(generator);
    add::<Service>(generator);
    add::<Stats>(generator);
    add::<List<Tenant>>(generator);
    add::<Groups>(generator);
    add::<People>(generator);
    add::<Summary>(generator);
    add::<Task>(generator);
    add::<TenantUsage>(generator);
    add::<Tree>(generator);
    add::<Validity>(generator);
    add::<ProblemAbout>(generator);
    add::<ProblemBody>(generator);
}

/// A problem of each status, with the codes that it may have.
fn problems() -> BTreeMap<String, Value> {
    let mut codes: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for kind in Kind::ALL {
        codes.entry(kind.status()).or_default().push(kind.as_str());
    }
    let problem = |(status, codes): (u16, Vec<&str>)| {
        let name = format!("{}Problem", problem_name(status));
        let schema = json!({
            "description": format!("A problem of status {status}."),
            "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                {
                    "type": "object",
                    "properties": {
                        "status": { "type": "integer", "enum": [status] },
                        "code": { "type": "string", "enum": codes },
                    },
                },
            ],
        });
        (name, schema)
    };
    codes.into_iter().map(problem).collect()
}

/// What a status is called in the document.
fn problem_name(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthenticated",
        402 => "PaymentRequired",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        412 => "PreconditionFailed",
        413 => "TooLarge",
        415 => "UnsupportedMediaType",
        422 => "Unprocessable",
        429 => "TooManyRequests",
        500 => "Internal",
        503 => "Unavailable",
        _ => "Other",
    }
}

/// Makes of a schema what readers of the document expect: lists of words as `enum`,
/// closed objects, maps without patterns, nothing of Rust's integers, descriptions of
/// one line.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            list_words(fields);
            forget_format(fields);
            name_keys(fields);
            close_object(fields);
            join_lines(fields);
            fields.values_mut().for_each(close);
        }
        Value::Array(elements) => elements.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `oneOf` several words, each with a description, as an `enum` that describes them.
fn list_words(fields: &mut Map<String, Value>) {
    let choices = fields.get("oneOf").and_then(Value::as_array);
    let word = |choice: &Value| {
        let word = choice.get("const").and_then(Value::as_str)?;
        let about = choice.get("description").and_then(Value::as_str);
        Some((word.to_owned(), about.unwrap_or_default().to_owned()))
    };
    let words: Option<Vec<(String, String)>> =
        choices.and_then(|choices| choices.iter().map(word).collect());
    let Some(words) = words else {
        return;
    };
    let mut about = fields
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let sentence = |(word, meaning): &(String, String)| format!(" `{word}`: {meaning}");
    about.extend(words.iter().map(sentence));
    fields.remove("oneOf");
    fields.insert("type".to_owned(), "string".into());
    let listed = words.into_iter().map(|(word, _)| Value::String(word));
    fields.insert("enum".to_owned(), listed.collect());
    fields.insert("description".to_owned(), about.into());
}

fn forget_format(fields: &mut Map<String, Value>) {
    let format = fields.get("format").and_then(Value::as_str);
    if format.is_some_and(|format| format.contains("int")) {
        fields.remove("format");
    }
}

/// A map whose keys follow a pattern, as one of any keys: generated clients know no
/// other.
fn name_keys(fields: &mut Map<String, Value>) {
    if let Some(Value::Object(patterns)) = fields.remove("patternProperties")
        && let Some((_, values)) = patterns.into_iter().next()
    {
        fields.insert("additionalProperties".to_owned(), values);
    }
}

/// Closes an object to other fields.
fn close_object(fields: &mut Map<String, Value>) {
    if !fields.contains_key("properties") {
        return;
    }
    if !fields.contains_key("additionalProperties") {
        fields.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

/// What is null in a problem that has it, and is not there in others.
const NULL_OR_ABSENT: [&str; 4] = ["plan_code", "limit_value", "window_start", "window_end"];

/// What may be left out is never null.
fn forbid_nulls(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    let required = fields.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| {
        let names = required.as_array().into_iter().flatten();
        NULL_OR_ABSENT.contains(&name) || names.into_iter().any(|required| required == name)
    };
    let Some(Value::Object(properties)) = fields.get_mut("properties") else {
        return;
    };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
        forbid_null(property);
    }
}

fn forbid_null(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = fields.get_mut("anyOf") else {
        return;
    };
    choices.retain(|choice| choice.get("type").is_none_or(|one| one != "null"));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        fields.remove("anyOf");
        fields.extend(only);
    }
}

fn join_lines(fields: &mut Map<String, Value>) {
    if let Some(Value::String(about)) = fields.get_mut("description") {
        *about = about.replace('\n', " ");
    }
}
