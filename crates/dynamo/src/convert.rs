//! Core's items and writes as the SDK's, and back.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use std::collections::HashMap;
use tollgate_core::{Attrs, Change, Guard, Key, Value, Write};
use tollgate_service::Commit;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";

/// An expression under construction: its names and values by placeholder.
#[derive(Default)]
struct Expression {
    names: HashMap<String, String>,
    values: Item,
}

impl Expression {
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn guard(&mut self, guard: &Guard) -> String {
        match guard {
            Guard::Absent => format!("attribute_not_exists({})", self.name(PK)),
            Guard::Present => format!("attribute_exists({})", self.name(PK)),
            Guard::Lacks(name) => format!("attribute_not_exists({})", self.name(name)),
            Guard::Equals(name, value) => {
                format!("{} = {}", self.name(name), self.value(attribute(value)))
            }
            Guard::AtMost(name, most) => {
                let name = self.name(name);
                format!(
                    "(attribute_not_exists({name}) OR {name} <= {})",
                    self.value(AttributeValue::N(most.to_string()))
                )
            }
        }
    }

    fn guards(&mut self, guards: &[Guard]) -> Option<String> {
        let parts: Vec<String> = guards.iter().map(|guard| self.guard(guard)).collect();
        (!parts.is_empty()).then(|| parts.join(" AND "))
    }

    fn update(
        &mut self,
        add: &[(std::sync::Arc<str>, i128)],
        set: &[(std::sync::Arc<str>, Value)],
    ) -> String {
        let adds: Vec<String> = add
            .iter()
            .map(|(name, more)| {
                format!(
                    "{} {}",
                    self.name(name),
                    self.value(AttributeValue::N(more.to_string()))
                )
            })
            .collect();
        let sets: Vec<String> = set
            .iter()
            .map(|(name, value)| format!("{} = {}", self.name(name), self.value(attribute(value))))
            .collect();
        let clause = |word: &str, parts: &[String]| {
            if parts.is_empty() {
                String::new()
            } else {
                format!("{word} {} ", parts.join(", "))
            }
        };
        format!("{}{}", clause("ADD", &adds), clause("SET", &sets))
    }

    fn into_parts(self) -> (Option<HashMap<String, String>>, Option<Item>) {
        (
            Some(self.names).filter(|names| !names.is_empty()),
            Some(self.values).filter(|values| !values.is_empty()),
        )
    }
}

/// A write as expressions: what becomes of the item, and on which condition.
pub(crate) struct Expressed {
    pub(crate) update: String,
    pub(crate) condition: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<Item>,
}

impl Expressed {
    pub(crate) fn of(write: &Write) -> Self {
        let mut expression = Expression::default();
        let condition = expression.guards(&write.guards);
        let update = match &write.change {
            Change::Update { add, set } => expression.update(add, set),
            Change::Put(_) | Change::Delete => String::new(),
        };
        let (names, values) = expression.into_parts();
        Self {
            update,
            condition,
            names,
            values,
        }
    }
}

/// One write as an action of a transaction on `table`.
pub(crate) fn action(table: &str, write: &Write) -> Result<TransactWriteItem, BuildError> {
    let of = Expressed::of(write);
    let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
    let item = TransactWriteItem::builder();
    Ok(match &write.change {
        Change::Put(attrs) => {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(full_item(&write.key, attrs)))
                .set_condition_expression(of.condition)
                .set_expression_attribute_names(of.names)
                .set_expression_attribute_values(of.values)
                .return_values_on_condition_check_failure(all_old);
            item.put(put.build()?).build()
        }
        Change::Delete => {
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(key_item(&write.key)))
                .set_condition_expression(of.condition)
                .set_expression_attribute_names(of.names)
                .set_expression_attribute_values(of.values)
                .return_values_on_condition_check_failure(all_old);
            item.delete(delete.build()?).build()
        }
        Change::Update { .. } => {
            let update = Update::builder()
                .table_name(table)
                .set_key(Some(key_item(&write.key)))
                .update_expression(of.update)
                .set_condition_expression(of.condition)
                .set_expression_attribute_names(of.names)
                .set_expression_attribute_values(of.values)
                .return_values_on_condition_check_failure(all_old);
            item.update(update.build()?).build()
        }
    })
}

pub(crate) fn key_item(key: &Key) -> Item {
    Item::from([
        (PK.to_owned(), AttributeValue::S(key.pk.clone())),
        (SK.to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

pub(crate) fn full_item(key: &Key, attrs: &Attrs) -> Item {
    let mut item = key_item(key);
    item.extend(
        attrs
            .iter()
            .map(|(name, value)| (name.to_string(), attribute(value))),
    );
    item
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text.clone()),
        Value::N(number) => AttributeValue::N(number.to_string()),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
    }
}

/// An item without its keys; `None` for a type that nothing here writes.
pub(crate) fn attrs(item: Item) -> Option<Attrs> {
    let pairs = item
        .into_iter()
        .filter(|(name, _)| name != PK && name != SK);
    pairs
        .map(|(name, value)| Some((name.into(), from_attribute(value)?)))
        .collect()
}

fn from_attribute(value: AttributeValue) -> Option<Value> {
    match value {
        AttributeValue::S(text) => Some(Value::S(text)),
        AttributeValue::N(number) => number.parse().ok().map(Value::N),
        AttributeValue::B(bytes) => Some(Value::B(bytes.into_inner())),
        _ => None,
    }
}

/// The text of a key attribute.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A commit that consumed this.
pub(crate) fn units<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) -> Commit {
    let units = |capacity: &ConsumedCapacity| {
        capacity
            .write_capacity_units()
            .or(capacity.capacity_units())
    };
    Commit::Done {
        write_units: consumed.into_iter().filter_map(units).map(whole).sum(),
    }
}

/// Write units are whole; the SDK gives them as a float.
fn whole(units: f64) -> u64 {
    format!("{units:.0}").parse().unwrap_or(0)
}
