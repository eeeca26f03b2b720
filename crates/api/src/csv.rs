//! Events as CSV (RFC 4180).
//!
//! A text that a spreadsheet would take for a formula has a `'` before it.
//! Numbers stand as they are, negative ones too.

use csv::{Terminator, WriterBuilder};
use std::borrow::Cow;
use std::fmt::Display;
use tollgate_core::{CardRef, Component, Currency, ExchangeRate, Instant, Label, Name, Stored};

/// What a text that a spreadsheet would calculate begins with.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\0'];

/// The columns: those of the contract first, then the rest of the event, then what
/// became of it.
const COLUMNS: [(&str, Column); 49] = [
    ("task_id", Column::Label(Label::Task)),
    ("agent_id", Column::Label(Label::Agent)),
    ("consumer_id", Column::Label(Label::Consumer)),
    ("tokens_in", Column::Used(Component::TokenIn)),
    ("tokens_out", Column::Used(Component::TokenOut)),
    ("duration_ms", Column::Used(Component::DurationMs)),
    ("api_calls", Column::Used(Component::ApiCall)),
    (
        "timestamp",
        Column::Text(|row| row.event.event.timestamp.to_string()),
    ),
    ("id", Column::Text(|row| row.event.event.id.to_string())),
    ("tenant_id", Column::Text(|row| row.tenant.to_string())),
    (
        "operation",
        Column::Text(|row| row.event.event.dimensions.operation.to_string()),
    ),
    (
        "tier",
        Column::Text(|row| row.event.event.dimensions.tier.to_string()),
    ),
    ("units", Column::Used(Component::Unit)),
    ("cached_tokens_in", Column::Used(Component::CachedTokenIn)),
    ("tokens_processed", Column::Used(Component::TokenProcessed)),
    ("data_bytes", Column::Used(Component::DataByte)),
    (
        "cache_write_tokens_in",
        Column::Used(Component::CacheWriteTokenIn),
    ),
    (
        "cache_write_1h_tokens_in",
        Column::Used(Component::CacheWrite1hTokenIn),
    ),
    ("audio_tokens_in", Column::Used(Component::AudioTokenIn)),
    (
        "cached_audio_tokens_in",
        Column::Used(Component::CachedAudioTokenIn),
    ),
    ("image_tokens_in", Column::Used(Component::ImageTokenIn)),
    ("video_tokens_in", Column::Used(Component::VideoTokenIn)),
    (
        "reasoning_tokens_out",
        Column::Used(Component::ReasoningTokenOut),
    ),
    ("audio_tokens_out", Column::Used(Component::AudioTokenOut)),
    ("image_tokens_out", Column::Used(Component::ImageTokenOut)),
    ("searches", Column::Used(Component::Search)),
    ("images", Column::Used(Component::Image)),
    ("pages", Column::Used(Component::Page)),
    ("characters", Column::Used(Component::Character)),
    (
        "latency_ms",
        Column::Number(|row| shown(row.event.event.latency_ms)),
    ),
    (
        "compliance_score",
        Column::Number(|row| shown(Some(row.event.event.compliance_score))),
    ),
    ("session_id", Column::Label(Label::Session)),
    ("tool_server", Column::Label(Label::ToolServer)),
    ("tool_name", Column::Label(Label::ToolName)),
    ("model", Column::Label(Label::Model)),
    ("provider", Column::Label(Label::Provider)),
    (
        "cost_override",
        Column::Number(|row| shown(row.event.signed_override())),
    ),
    (
        "metadata",
        Column::Text(|row| row.event.event.metadata.clone().unwrap_or_default()),
    ),
    (
        "cost",
        Column::Number(|row| shown(Some(row.event.totals().cost))),
    ),
    ("currency", Column::Text(|row| row.currency.to_string())),
    (
        "rate_card_id",
        Column::Text(|row| shown(row.card().map(|card| &card.id))),
    ),
    (
        "rate_card_version",
        Column::Number(|row| shown(row.card().map(|card| card.version))),
    ),
    (
        "decision",
        Column::Text(|row| row.event.decision.as_str().to_owned()),
    ),
    ("received_at", Column::Text(|row| row.received.to_string())),
    ("budget_node", Column::Label(Label::Node)),
    (
        "exchange_rate",
        Column::Number(|row| shown(row.exchange().map(|of| of.rate))),
    ),
    (
        "exchange_rate_from",
        Column::Number(|row| shown(row.exchange().map(|of| of.from))),
    ),
    (
        "exchange_rate_version",
        Column::Number(|row| shown(row.exchange().map(|of| of.version))),
    ),
    ("voids", Column::Text(|row| shown(row.event.voids.as_ref()))),
];

/// How a column is filled.
enum Column {
    Label(Label),
    Used(Component),
    /// A text, which no spreadsheet may calculate.
    Text(fn(&Row<'_>) -> String),
    Number(fn(&Row<'_>) -> String),
}

/// What a line is made of.
struct Row<'a> {
    event: &'a Stored,
    received: Instant,
    tenant: &'a Name,
    currency: Currency,
}

impl Row<'_> {
    fn card(&self) -> Option<&CardRef> {
        self.event.card.as_ref()
    }

    fn exchange(&self) -> Option<ExchangeRate> {
        self.card().and_then(|card| card.exchange)
    }
}

impl Column {
    fn cell<'a>(&self, row: &Row<'a>) -> Cow<'a, str> {
        match self {
            Self::Label(label) => {
                let name = row.event.event.label(*label);
                text(name.map(Name::as_str).unwrap_or_default())
            }
            Self::Used(component) => row.event.totals().priced_by(*component).to_string().into(),
            Self::Text(of) => {
                let shown = of(row);
                if shown.starts_with(FORMULA) {
                    format!("'{shown}").into()
                } else {
                    shown.into()
                }
            }
            Self::Number(of) => of(row).into(),
        }
    }
}

/// The line that names the columns of [`csv_event`].
#[must_use]
pub fn csv_header() -> String {
    line(&COLUMNS.map(|(name, _)| Cow::Borrowed(name)))
}

/// An event as a line: what [`crate::StoredEvent`] shows, by column. A field
/// that it lacks is an empty cell, `metadata` is JSON.
#[must_use]
pub fn csv_event(stored: &Stored, received: Instant, tenant: &Name, currency: Currency) -> String {
    let row = Row {
        event: stored,
        received,
        tenant,
        currency,
    };
    line(&COLUMNS.map(|(_, column)| column.cell(&row)))
}

/// Cells as a line; one that is marked as text is none that a spreadsheet
/// calculates.
#[must_use]
pub fn csv_record(cells: &[(String, bool)]) -> String {
    let cells: Vec<Cow<'_, str>> = cells
        .iter()
        .map(|(cell, is_text)| {
            if *is_text {
                text(cell)
            } else {
                Cow::Borrowed(cell.as_str())
            }
        })
        .collect();
    line(&cells)
}

/// A cell that no spreadsheet calculates.
fn text(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULA) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn shown(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The cells, quoted where they must be, and CRLF. Writing to memory does not
/// fail, and cells are whole Unicode, so the line is never empty.
fn line(cells: &[Cow<'_, str>]) -> String {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .buffer_capacity(512)
        .from_writer(Vec::with_capacity(512));
    let written = writer
        .write_record(cells.iter().map(|cell| cell.as_bytes()))
        .ok();
    let line = written.and_then(|()| writer.into_inner().ok());
    line.and_then(|line| String::from_utf8(line).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::record::StoredEvent;
    use crate::event::parse_event;
    use csv::ReaderBuilder;
    use proptest::prelude::*;
    use tollgate_core::{Amount, Decision};

    fn read(lines: &str) -> Vec<Vec<String>> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .from_reader(lines.as_bytes());
        reader
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    fn stored(body: &str) -> Stored {
        let event = parse_event(body.as_bytes())
            .unwrap()
            .into_event(Name::new("e1").unwrap(), Instant::EPOCH);
        let card = CardRef {
            id: Name::new("ai").unwrap(),
            version: 3,
            over: 0,
            exchange: None,
        };
        Stored {
            event,
            cost: "0.0015".parse().unwrap(),
            card: Some(card),
            decision: Decision::Warn,
            voids: None,
        }
    }

    fn cells(stored: &Stored) -> Vec<(String, String)> {
        let line = csv_event(
            stored,
            Instant::EPOCH,
            &Name::new("acme").unwrap(),
            Currency::USD,
        );
        let [header, cells] = [csv_header(), line].map(|line| read(&line).remove(0));
        assert_eq!(header.len(), cells.len());
        header.into_iter().zip(cells).collect()
    }

    fn cell(stored: &Stored, column: &str) -> String {
        cells(stored)
            .into_iter()
            .find(|(name, _)| name == column)
            .unwrap()
            .1
    }

    #[test]
    fn the_header_begins_as_the_contract_says_and_lines_end_in_crlf() {
        assert!(csv_header().starts_with(
            "task_id,agent_id,consumer_id,tokens_in,tokens_out,duration_ms,api_calls,timestamp,id,"
        ));
        assert!(
            csv_header()
                .ends_with("exchange_rate,exchange_rate_from,exchange_rate_version,voids\r\n")
        );
    }

    #[test]
    fn every_field_that_an_event_shows_has_its_column() {
        let mut full = stored(
            r#"{"operation":"x","units":3,"tokens_in":9,"cached_tokens_in":2,"cache_write_tokens_in":1,"cache_write_1h_tokens_in":1,"audio_tokens_in":1,
                "cached_audio_tokens_in":1,"image_tokens_in":1,"video_tokens_in":1,"reasoning_tokens_out":1,"audio_tokens_out":1,"image_tokens_out":1,
                "searches":1,"images":1,"pages":1,"characters":1,"latency_ms":"1.5","agent_id":"a1","consumer_id":"c1",
            "tokens_out":4,"tokens_processed":1,"api_calls":1,"duration_ms":1,"data_bytes":1,
            "session_id":"s1","task_id":"t1","tool_server":"srv","tool_name":"find","model":"m","provider":"p","budget_node":"n","cost_override":"0.5",
            "metadata":{"a":["b",1e400]}}"#,
        );
        full.card.as_mut().unwrap().exchange = Some(ExchangeRate {
            version: 2,
            from: "EUR".parse().unwrap(),
            rate: "1.08".parse().unwrap(),
        });
        full.voids = Name::new("e0").ok();
        let acme = Name::new("acme").unwrap();
        let shown = StoredEvent::new(&full, Instant::EPOCH, &acme, Currency::USD);
        let shown = serde_json::to_string(&shown).unwrap();
        let shown: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&shown.replace("1e400", "1")).unwrap();
        let mut columns: Vec<String> = cells(&full)
            .into_iter()
            .map(|(name, _)| name.replace("rate_card_id", "rate_card"))
            .collect();
        let parts = [
            "rate_card_version",
            "exchange_rate_from",
            "exchange_rate_version",
        ];
        columns.retain(|name| !parts.contains(&name.as_str()));
        columns.sort();
        let mut fields: Vec<String> = shown.keys().cloned().collect();
        fields.sort();
        assert_eq!(columns, fields);
        assert_eq!(cell(&full, "metadata"), r#"{"a":["b",1e400]}"#);
        assert_eq!(
            (
                cell(&full, "rate_card_id"),
                cell(&full, "rate_card_version")
            ),
            ("ai".to_owned(), "3".to_owned())
        );
        let exchange = [
            "exchange_rate",
            "exchange_rate_from",
            "exchange_rate_version",
        ]
        .map(|column| cell(&full, column));
        assert_eq!(exchange, ["1.08", "EUR", "2"]);
        assert!(cells(&full).iter().all(|(_, cell)| !cell.is_empty()));
    }

    #[test]
    fn a_negative_number_stays_one_and_a_text_like_it_does_not() {
        let mut event = stored(r#"{"operation":"x","metadata":-5}"#);
        event.cost = Amount::ZERO.checked_sub("1.5".parse().unwrap()).unwrap();
        assert_eq!(
            (cell(&event, "cost"), cell(&event, "metadata")),
            ("-1.5".to_owned(), "'-5".to_owned())
        );
        assert_eq!(cell(&event, "agent_id"), "");
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_and_none_is_a_formula(
            texts in proptest::collection::vec(r#"[=+\-@\t\r\x00',"\n ]{0,2}\PC{0,6}"#, 2..6),
        ) {
            let cells: Vec<Cow<'_, str>> = texts.iter().map(|cell| text(cell)).collect();
            let line = line(&cells);
            let found = read(&line).remove(0);
            prop_assert!(line.ends_with("\r\n"));
            prop_assert_eq!(found.len(), texts.len());
            for (found, sent) in found.iter().zip(&texts) {
                let was_formula = sent.starts_with(FORMULA);
                let quoted = was_formula.then(|| found.strip_prefix('\''));
                prop_assert_eq!(quoted.unwrap_or(Some(found.as_str())), Some(sent.as_str()));
                prop_assert!(!found.starts_with(FORMULA));
            }
        }
    }
}
