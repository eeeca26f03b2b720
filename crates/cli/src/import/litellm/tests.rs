use super::*;
use serde_json::{Value, json};

fn imported(fields: &str) -> Imported {
    read(&format!(r#"{{"m": {{{fields}}}}}"#), None).unwrap()
}

/// The operation of a model of these fields; it has to be complete.
fn operation(fields: &str) -> Value {
    let imported = imported(fields);
    let gaps: Vec<_> = imported.left.iter().filter(|left| left.is_gap).collect();
    assert!(gaps.is_empty(), "{gaps:?}");
    serde_json::to_value(&imported.cards[0].operations["m"]).unwrap()
}

fn million(amount: &str) -> Value {
    json!({"amount": amount, "per": 1_000_000})
}

fn gaps(imported: &Imported) -> Vec<&str> {
    let gaps = imported.left.iter().filter(|left| left.is_gap);
    gaps.map(|left| left.field.as_str()).collect()
}

#[test]
fn tokens_have_prices_for_a_million() {
    let found = operation(
        r#""input_cost_per_token": 3e-06, "output_cost_per_token": 1.5E-5,
        "cache_read_input_token_cost": 3e-07, "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06,
        "output_cost_per_reasoning_token": 2e-05, "input_cost_per_image_token": 1e-06,
        "input_cost_per_video_token": 2e-06, "output_cost_per_audio_token": 5.0000000000000004E-8,
        "max_tokens": 8192, "supports_vision": true"#,
    );
    let expected = json!({"token_in": million("3"), "token_out": million("15"),
        "cached_token_in": million("0.3"), "cache_write_token_in": million("3.75"),
        "cache_write_1h_token_in": million("6"), "reasoning_token_out": million("20"),
        "image_token_in": million("1"), "video_token_in": million("2"),
        "audio_token_out": million("0.05")});
    assert_eq!(found, expected);
}

#[test]
fn what_is_rounded_is_told() {
    let imported = imported(r#""input_cost_per_token": 5.0000000000000004E-8"#);
    let told = &imported.rounded[0];
    assert_eq!(
        (told.entry.as_str(), told.field.as_str()),
        ("m", "input_cost_per_token")
    );
    assert_eq!(told.why, "0.050000000000000004 for 1000000 became 0.05");
}

#[test]
fn long_prompts_are_over_and_of_xai_inclusive() {
    let fields = r#""input_cost_per_token": 2e-06, "output_cost_per_token": 8e-06,
        "input_cost_per_token_above_128k_tokens": 4e-06"#;
    let over = json!([{"tokens_in": 128_000, "token_in": million("4")}]);
    let expected = json!({"token_in": million("2"), "token_out": million("8"), "over": over});
    assert_eq!(operation(fields), expected);
    let found = operation(&format!(r#"{fields}, "litellm_provider": "xai""#));
    assert_eq!(found["over"][0]["inclusive"], json!(true));
}

#[test]
fn service_tiers_take_the_standard_price_of_long_prompts_and_batches_their_own() {
    let found = operation(
        r#""input_cost_per_token": 4e-06, "output_cost_per_token": 8e-06,
        "input_cost_per_token_above_200k_tokens": 6e-06,
        "input_cost_per_token_priority": 7e-06, "output_cost_per_token_priority": 9e-06,
        "input_cost_per_token_flex": 2e-06, "output_cost_per_token_flex": 4e-06,
        "input_cost_per_token_above_200k_tokens_flex": 3e-06,
        "input_cost_per_token_batches": 1e-06, "output_cost_per_token_batches": 4e-06"#,
    );
    let over = |amount| json!([{"tokens_in": 200_000, "token_in": million(amount)}]);
    let expected = json!({"token_in": million("4"), "token_out": million("8"), "over": over("6"),
        "tiers": {
            "batch": {"token_in": million("1"), "token_out": million("4")},
            "flex": "0.5",
            "priority": {"token_in": million("7"), "token_out": million("9"), "over": over("6")}}});
    assert_eq!(found, expected);
}

#[test]
fn what_has_no_price_for_batches_costs_as_much_less_as_its_whole() {
    let found = operation(
        r#""input_cost_per_token": 4e-06, "output_cost_per_token": 8e-06,
        "cache_read_input_token_cost": 1e-06, "cache_creation_input_token_cost": 5e-06,
        "cache_creation_input_token_cost_above_1hr": 8e-06,
        "input_cost_per_token_batches": 2e-06"#,
    );
    let expected = json!({"token_in": million("2"), "token_out": million("4"),
        "cache_write_token_in": million("2.5"), "cache_write_1h_token_in": million("4")});
    assert_eq!(found["tiers"]["batch"], expected);
}

#[test]
fn reasoning_of_a_tier_costs_what_its_output_does() {
    let found = operation(
        r#""input_cost_per_token": 4e-06, "output_cost_per_token": 8e-06,
        "output_cost_per_reasoning_token": 9e-06, "output_cost_per_token_flex": 4e-06"#,
    );
    let expected = json!({"token_out": million("4"), "reasoning_token_out": million("4")});
    assert_eq!(found["tiers"]["flex"], expected);
}

#[test]
fn cached_audio_costs_what_cached_text_does() {
    let fields = r#""input_cost_per_token": 4e-06, "input_cost_per_audio_token": 9e-06,
        "cache_read_input_token_cost": 1e-06"#;
    assert_eq!(operation(fields)["cached_audio_token_in"], million("1"));
}

#[test]
fn a_model_of_images_alone_prices_output() {
    let found = operation(r#""input_cost_per_token": 5e-06, "output_cost_per_image_token": 4e-05"#);
    assert_eq!(found["token_out"], million("40"));
}

#[test]
fn ranges_are_over_and_stand_for_all_prices_of_text() {
    let found = operation(
        r#""tiered_pricing": [
            {"input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07, "range": [0, 256000.0],
             "cache_read_input_token_cost": 1e-08},
            {"input_cost_per_token": 2.5e-07, "output_cost_per_token": 2e-06,
             "range": [256000.0, 1000000.0]}]"#,
    );
    let over = json!([{"tokens_in": 256_000, "token_in": million("0.25"),
        "cached_token_in": million("0.25"), "token_out": million("2")}]);
    let expected = json!({"token_in": million("0.05"), "cached_token_in": million("0.01"),
        "token_out": million("0.4"), "over": over});
    assert_eq!(found, expected);
    let others = r#""tiered_pricing": [{"input_cost_per_query": 1, "max_results_range": [0, 9]}]"#;
    assert_eq!(gaps(&imported(others)), ["tiered_pricing"]);
}

#[test]
fn factors_of_region_and_speed_multiply_tokens() {
    let found = operation(
        r#""input_cost_per_token": 3e-06, "regional_processing_uplift_multiplier_eu": 1.1,
        "regional_endpoint_uplift_multiplier": 1.2,
        "provider_specific_entry": {"us": 1.1, "fast": 2, "note": "x"}"#,
    );
    let expected = json!({"eu": "1.1", "us": "1.1", "fast": "2", "regional": "1.2"});
    assert_eq!(found["tiers"], expected);
    let found = operation(
        r#""input_cost_per_token": 3e-06, "provider_specific_entry": {"us": 1.1},
        "search_context_cost_per_query": {"search_context_size_low": 0.01,
            "search_context_size_medium": 0.01, "search_context_size_high": 0.02}"#,
    );
    let search = |amount: &str| json!({"search": {"amount": amount, "per": 1000}});
    assert_eq!(found["search"], search("10")["search"]);
    let expected = json!({"us": {"token_in": million("3.3")}, "search_high": search("20")});
    assert_eq!(found["tiers"], expected);
}

#[test]
fn what_is_counted_instead_of_tokens_is_a_tier() {
    let found = operation(
        r#""mode": "audio_transcription", "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1e-05, "input_cost_per_second": 0.0001"#,
    );
    let zero = million("0");
    let expected = json!({"token_in": zero, "audio_token_in": zero, "token_out": zero,
        "audio_token_out": zero, "duration_ms": {"amount": "0.0001", "per": 1000}});
    assert_eq!(found["tiers"]["per_second"], expected);
    assert_eq!(found["duration_ms"], Value::Null);
    let found = operation(
        r#""output_cost_per_image_token": 3e-05, "output_cost_per_image": 0.039,
        "input_cost_per_token": 3e-07"#,
    );
    let expected = json!({"image_token_out": zero, "image": "0.039"});
    assert_eq!(found["tiers"]["per_image"], expected);
    let fields = r#""input_cost_per_token": 3e-07, "input_cost_per_video_per_second": 0.0007"#;
    assert_eq!(operation(fields)["duration_ms"], Value::Null);
    let found = operation(&format!(r#"{fields}, "mode": "embedding""#));
    let second = json!({"amount": "0.0007", "per": 1000});
    assert_eq!(found["duration_ms"], second);
}

#[test]
fn what_is_counted_beside_is_an_operation_of_its_own() {
    let fields = r#""input_cost_per_token": 3e-07, "search_context_cost_per_query":
        {"search_context_size_low": 0.035, "search_context_size_medium": 0.035,
         "search_context_size_high": 0.035}, "google_maps_grounding_cost_per_query": 0.025"#;
    let imported = imported(fields);
    let operations = serde_json::to_value(&imported.cards[0].operations).unwrap();
    let search = |amount: &str| json!({"amount": amount, "per": 1000});
    assert_eq!(operations["m"]["search"], search("35"));
    assert_eq!(operations["m:google_maps"], json!({"search": search("25")}));
    let same = fields.replace("0.025", "0.035");
    assert_eq!(operation(&same)["search"], search("35"));
}

#[test]
fn seconds_pages_and_resolutions_have_prices() {
    let found = operation(
        r#""mode": "video_generation", "output_cost_per_second": 0.2,
        "output_cost_per_second_720p": 0.1"#,
    );
    let second = |amount: &str| json!({"duration_ms": {"amount": amount, "per": 1000}});
    let mut expected = second("0.2");
    expected["tiers"] = json!({"720p": "0.5"});
    assert_eq!(found, expected);
    let found = operation(r#""ocr_cost_per_page": 0.004, "ocr_cost_per_page_batches": 0.001"#);
    assert_eq!(found, json!({"page": "0.004", "tiers": {"batch": "0.25"}}));
    let found = operation(r#""input_cost_per_character": 5e-06"#);
    assert_eq!(found, json!({"character": million("5")}));
}

#[test]
fn what_a_card_cannot_say_is_named() {
    let imported = imported(
        r#""input_cost_per_token": 3e-07, "input_dbu_cost_per_token": 4e-06,
        "citation_cost_per_token": 2e-06, "search_free_requests": {"count": 5000},
        "off_peak_pricing": {"input_cost_per_token": 1.5e-07, "windows": []},
        "cache_creation_input_audio_token_cost": 0.0"#,
    );
    let found = ["off_peak_pricing", "citation_cost_per_token"];
    assert_eq!(gaps(&imported), found);
    assert_eq!(imported.left.len(), 4);
    let tally = (
        imported.token_priced.entries,
        imported.token_priced.complete,
    );
    assert_eq!(tally, (1, 0));
    let operation = &imported.cards[0].operations["m"];
    let tiers = serde_json::to_value(&operation.tiers).unwrap();
    assert_eq!(tiers, json!({"off_peak": "0.5"}));
}

#[test]
fn prices_of_zero_are_prices_and_entries_without_any_are_named() {
    let imported = read(
        r#"{"sample_spec": {"input_cost_per_token": 1},
        "free": {"input_cost_per_token": 0, "output_cost_per_token": 0.0}, "none": {}}"#,
        None,
    )
    .unwrap();
    let names: Vec<_> = imported.cards[0].operations.keys().collect();
    assert_eq!(names, ["free"]);
    assert_eq!(imported.priced.entries, 0);
    assert_eq!(imported.left[0].entry, "none");
}
