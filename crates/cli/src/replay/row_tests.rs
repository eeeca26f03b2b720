use super::*;

fn reading(headers: &[&str], operation: Option<&str>) -> Reading {
    Reading {
        tenant: Name::new("acme").unwrap(),
        operation: operation.map(|name| Name::new(name).unwrap()),
        mapping: Mapping::new(headers, &[], operation.is_some()).unwrap(),
        assume_utc: true,
    }
}

fn azure() -> Reading {
    reading(
        &["TIMESTAMP", "ContextTokens", "GeneratedTokens"],
        Some("gpt-4o"),
    )
}

fn first() -> StringRecord {
    StringRecord::from(vec!["2023-11-16 18:15:46.6805900", "374", "44"])
}

fn refusal(reading: &Reading, cells: &[&str]) -> String {
    let bad = reading
        .row(&StringRecord::from(cells.to_vec()), 7)
        .unwrap_err();
    format!("{}: {}", bad.header, bad.why)
}

#[test]
fn a_row_becomes_an_event() {
    let row = azure().row(&first(), 1).unwrap();
    assert_eq!((row.tokens_in, row.tokens_out), (374, 44));
    let event = row.event(&azure().tenant, 0, false);
    let rest = format!(
        r#"{{"id":"{}","tenant_id":"acme","timestamp":"2023-11-16T18:15:46.68059Z","operation":"gpt-4o","tokens_in":374,"tokens_out":44}}"#,
        row.id
    );
    assert_eq!(event, rest);
}

#[test]
fn an_id_is_a_pure_function_of_content_and_row() {
    let row = azure().row(&first(), 1).unwrap();
    assert_eq!(row, azure().row(&first(), 1).unwrap());
    assert_eq!(row.id, "replay-d4c8ad5b47411433dfdb9b0d2c155520");
    assert!(Name::new(&row.id).is_ok());
}

#[test]
fn every_part_of_an_id_changes_it() {
    let row = azure().row(&first(), 1).unwrap();
    let other_operation = Reading {
        operation: Name::new("gpt-4").ok(),
        ..azure()
    };
    let other_tenant = Reading {
        tenant: Name::new("other").unwrap(),
        ..azure()
    };
    let other_cells = StringRecord::from(vec!["2023-11-16 18:15:46.6805900", "37", "444"]);
    let ids = [
        azure().row(&first(), 2).unwrap().id,
        azure().row(&other_cells, 1).unwrap().id,
        other_operation.row(&first(), 1).unwrap().id,
        other_tenant.row(&first(), 1).unwrap().id,
    ];
    for id in ids {
        assert_ne!(id, row.id);
    }
}

#[test]
fn a_shift_moves_the_time_and_nothing_else() {
    let row = azure().row(&first(), 1).unwrap();
    let (tenant, day) = (azure().tenant, 86_400);
    let moved = row.event(&tenant, day, false);
    assert!(moved.contains("2023-11-17T18:15:46.68059Z"), "{moved}");
    assert_eq!(
        moved.replace("2023-11-17", "2023-11-16"),
        row.event(&tenant, 0, false)
    );
}

#[test]
fn quantities_are_whole_numbers() {
    for cell in [
        "-1",
        "+1",
        "1.0",
        "1e3",
        "1,000",
        "NaN",
        "9007199254740992",
        "99999999999999999999999",
    ] {
        let refused = refusal(&azure(), &["2023-11-16 18:15:46", cell, "1"]);
        let expected =
            format!("ContextTokens: `{cell}` must be a whole number from 0 to 9007199254740991");
        assert_eq!(refused, expected);
    }
    let refused = refusal(&azure(), &["2023-11-16 18:15:46", "", "1"]);
    assert!(
        refused.starts_with("ContextTokens: an empty cell must be a whole number"),
        "{refused}"
    );
    let spaced = StringRecord::from(vec!["2023-11-16 18:15:46", " 9007199254740991 ", "0"]);
    assert_eq!(azure().row(&spaced, 1).unwrap().tokens_in, QUANTITY_MAX);
}

#[test]
fn names_are_checked_and_may_be_empty() {
    let reading = reading(&["agent_id", "units", "latency_ms"], Some("gpt-4o"));
    let empty = reading
        .row(&StringRecord::from(vec!["", "1", ""]), 1)
        .unwrap();
    assert!(!empty.event(&reading.tenant, 0, false).contains("agent_id"));
    assert!(refusal(&reading, &["a|b", "1", ""]).contains("`a|b` must not hold"));
    assert!(refusal(&reading, &["a", "1", "-2"]).contains("must not be negative"));
    let full = reading
        .row(&StringRecord::from(vec!["a1", "1", "12.50"]), 1)
        .unwrap();
    assert!(
        full.event(&reading.tenant, 0, false)
            .contains(r#""latency_ms":"12.5""#)
    );
}

#[test]
fn cached_tokens_are_part_of_the_input() {
    let reading = reading(&["tokens_in", "cached_tokens_in"], Some("gpt-4o"));
    assert!(
        refusal(&reading, &["10", "11"])
            .contains("cached_tokens_in: with the other parts of `tokens_in` must be at most")
    );
}

#[test]
fn every_row_has_an_operation() {
    let reading = reading(&["operation", "units"], None);
    let row = reading
        .row(&StringRecord::from(vec!["gpt-4o", "1"]), 1)
        .unwrap();
    assert!(
        row.event(&reading.tenant, 0, false)
            .contains(r#""operation":"gpt-4o""#)
    );
    assert!(refusal(&reading, &["", "1"]).contains("operation: is empty"));
}
