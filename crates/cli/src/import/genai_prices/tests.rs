use super::*;
use serde_json::{Value, json};

fn per_million(amount: &str) -> Value {
    json!({"amount": amount, "per": 1_000_000})
}

fn imported(model: &str) -> Imported {
    let text = format!(r#"[{{"id": "p", "models": [{model}]}}]"#);
    read(&text, None).unwrap()
}

fn operations(card: &CardDraft) -> Value {
    serde_json::to_value(&card.operations).unwrap()
}

#[test]
fn each_date_makes_a_full_card() {
    let imported = imported(
        r#"{"id": "m", "prices": [
            {"prices": {"input_mtok": 0.68}},
            {"constraint": {"start_date": "2026-10-20"}, "prices": {"input_mtok": 1.36}}]},
        {"id": "n", "prices": {"output_mtok": 2}}"#,
    );
    let from: Vec<_> = imported
        .cards
        .iter()
        .map(|card| card.effective_from.as_deref())
        .collect();
    assert_eq!(from, [None, Some("2026-10-20T00:00:00Z")]);
    let n = json!({"token_out": per_million("2")});
    let first = json!({"m": {"token_in": per_million("0.68")}, "n": n});
    let second = json!({"m": {"token_in": per_million("1.36")}, "n": n});
    assert_eq!(operations(&imported.cards[0]), first);
    assert_eq!(operations(&imported.cards[1]), second);
    assert_eq!(imported.priced.entries, 2);
    assert_eq!(imported.priced, imported.token_priced);
}

#[test]
fn tiers_of_a_price_are_over() {
    let imported = imported(
        r#"{"id": "m", "prices": {
            "input_mtok": {"base": 0.1, "tiers": [{"start": 100000, "price": 0.5}]},
            "output_mtok": 1}}"#,
    );
    let over = json!([{"tokens_in": 100_000, "token_in": per_million("0.5")}]);
    let expected = json!({"m": {"token_in": per_million("0.1"),
        "token_out": per_million("1"), "over": over}});
    assert_eq!(operations(&imported.cards[0]), expected);
}

#[test]
fn variants_are_tiers_and_other_searches_operations() {
    let imported = imported(
        r#"{"id": "m", "prices": {"input_mtok": 4, "web_searches_kcount": 10,
            "storage_searches_kcount": 2.5, "audio_hours": 0.36},
          "price_variants": [
            {"when": {"processing": "batch"}, "prices": {"input_mtok": 2},
             "constraint": {"start_date": "2026-10-14"}},
            {"when": {"speed": "fast"}, "prices": {"input_mtok": 8}},
            {"when": {"service_tier": "fast"}, "prices": {"input_mtok": 9}}]}"#,
    );
    let search = |amount: &str| json!({"amount": amount, "per": 1000});
    let mut own = json!({"token_in": per_million("4"), "search": search("10"),
        "duration_ms": {"amount": "0.36", "per": 3_600_000},
        "tiers": {"fast": {"token_in": per_million("8")}}});
    let beside = json!({"search": search("2.5")});
    let expected = json!({"m": own, "m:storage_search": beside});
    assert_eq!(operations(&imported.cards[0]), expected);
    own["tiers"]["batch"] = json!({"token_in": per_million("2")});
    let expected = json!({"m": own, "m:storage_search": beside});
    assert_eq!(operations(&imported.cards[1]), expected);
    assert_eq!(imported.left, []);
}

#[test]
fn hours_and_what_no_component_counts_are_left() {
    let imported = imported(
        r#"{"id": "m", "prices": [{"prices": {"input_mtok": 1, "output_video_mtok": 3}},
            {"constraint": {"start_time": "00:30", "end_time": "16:30"},
             "prices": {"input_mtok": 2}}]},
        {"id": "n", "prices": {}}"#,
    );
    let left: Vec<_> = imported
        .left
        .iter()
        .map(|left| (left.entry.as_str(), left.field.as_str(), left.is_gap))
        .collect();
    let expected = [
        ("m", "output_video_mtok", true),
        ("m", "prices", true),
        ("n", "", false),
    ];
    assert_eq!(left, expected);
    assert_eq!((imported.priced.entries, imported.priced.complete), (1, 0));
}

#[test]
fn a_pattern_matches_the_name_or_that_with_its_provider() {
    let text = r#"[{"id": "p", "models": [{"id": "m", "prices": {"input_mtok": 1}},
        {"id": "n", "prices": {"input_mtok": 1}}]}]"#;
    for (pattern, expected) in [("m", 1), ("p/*", 2), ("*n", 1), ("q*", 0)] {
        let imported = read(text, Some(&Pattern::new(pattern))).unwrap();
        assert_eq!(imported.cards[0].operations.len(), expected, "{pattern}");
    }
}
