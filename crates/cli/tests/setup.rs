//! `tollgate setup`, with and without questions.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it needs"
)]

mod run;

use run::Place;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const ARTIFACT: &str = "var/reports/usage-entitlements.json";
const SETTINGS: &str = "var/tollgate.env";
/// The longest that a wizard may take over its next words.
const SILENCE: Duration = Duration::from_secs(30);
const ON: [&str; 4] = [
    "setup",
    "--headless",
    "--set",
    "ENABLE_USAGE_GUARDRAILS=true",
];

fn artifact(place: &Place) -> Value {
    serde_json::from_str(&place.text(ARTIFACT)).expect("JSON")
}

/// What the preset `starter` allows, without a soft limit of messages.
fn starter_features() -> Value {
    let feature = |key: &str, name: &str, unit: &str, is_metered: bool, soft: Value, hard: u64| json!({"feature_key": key, "display_name": name, "unit": unit, "is_metered": is_metered, "soft_limit": soft, "hard_limit": hard});
    json!([
        feature("messages", "Messages", "requests", true, Value::Null, 200),
        feature(
            "input_tokens",
            "Input tokens",
            "tokens",
            true,
            json!(200_000),
            250_000
        ),
        feature(
            "output_tokens",
            "Output tokens",
            "tokens",
            true,
            json!(75_000),
            100_000
        ),
        feature(
            "vector.max_file_bytes",
            "vector.max_file_bytes",
            "bytes",
            false,
            Value::Null,
            536_870_912
        ),
        feature(
            "vector.files_per_store",
            "vector.files_per_store",
            "count",
            false,
            Value::Null,
            5000
        ),
        feature(
            "vector.stores_per_tenant",
            "vector.stores_per_tenant",
            "count",
            false,
            Value::Null,
            10
        ),
    ])
}

#[test]
fn without_questions_the_presets_and_settings_are_written() {
    let place = Place::new();
    let words = [
        "--set",
        "USAGE_PLAN_CODES=starter",
        "--set",
        "USAGE_STARTER_MESSAGES_SOFT_LIMIT=",
        "--json",
    ];
    let told: Value =
        serde_json::from_str(&place.run(&[&ON[..], &words[..]].concat()).well()).expect("JSON");
    assert_eq!(
        told,
        json!({"enabled": true, "plans": ["starter"], "artifact": ARTIFACT, "settings": SETTINGS})
    );
    let mut written = artifact(&place);
    assert!(written["generated_at"].take().is_string());
    let plans = json!([{"plan_code": "starter", "features": starter_features()}]);
    assert_eq!(
        written,
        json!({"generated_at": null, "enabled": true, "soft_limit_mode": "warn", "currency": "USD", "plans": plans})
    );
    assert!(
        place.text(SETTINGS).contains(
            "\nUSAGE_STARTER_MESSAGES_SOFT_LIMIT=\nUSAGE_STARTER_MESSAGES_HARD_LIMIT=200\n"
        )
    );
}

#[test]
fn settings_of_the_environment_make_the_same_files_as_those_they_came_from() {
    let (first, second) = (Place::new(), Place::new());
    let words = [
        "--set",
        "USAGE_PLAN_CODES=pro,team-2",
        "--set",
        "USAGE_TEAM_2_OUTPUT_TOKENS_HARD_LIMIT=0",
        "--set",
        "USAGE_PLAN_CURRENCY=EUR",
    ];
    first.run(&[&ON[..], &words[..]].concat()).well();
    let settings = first.text(SETTINGS);
    let pairs = settings
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='));
    let done = second
        .command()
        .args(["setup", "--headless"])
        .envs(pairs)
        .output()
        .expect("a run");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(second.text(SETTINGS), settings);
    assert_eq!(artifact(&second)["plans"], artifact(&first)["plans"]);
}

#[test]
fn faults_are_told_together_and_nothing_is_written() {
    let place = Place::new();
    let words = [
        "--set",
        "USAGE_PRO_MESSAGES_SOFT_LIMIT=2000",
        "--set",
        "USAGE_GUARDRAIL_SOFT_LIMIT_MODE=shout",
    ];
    let told = place.run(&[&ON[..], &words[..]].concat()).refusal();
    assert_eq!(
        told,
        "error: 2 settings are wrong: USAGE_GUARDRAIL_SOFT_LIMIT_MODE must be warn or block; \
         USAGE_PRO_MESSAGES_SOFT_LIMIT must not be above the hard limit: 2000 > 1500\n"
    );
    assert_eq!(
        place.run(&["setup"]).refusal(),
        "error: the wizard needs a terminal: without one, use --headless with settings\n"
    );
    assert!(place.is_empty());
}

#[test]
fn files_are_replaced_only_by_force() {
    let place = Place::new();
    place.run(&ON).well();
    let before = place.text(ARTIFACT);
    assert_eq!(
        place.run(&ON).refusal(),
        format!("error: `{ARTIFACT}` is there already: --force replaces it\n")
    );
    assert_eq!(place.text(ARTIFACT), before);
    place.run(&[&ON[..], &["--force"]].concat()).well();
    std::fs::write(place.path(ARTIFACT), "{").expect("a file");
    assert!(
        place.run(&[&ON[..], &["--force"]].concat()).code == Some(0),
        "what cannot be read is replaced too"
    );
}

#[test]
fn guardrails_that_are_off_keep_the_plans_that_were_there() {
    let place = Place::new();
    place
        .run(
            &[
                &ON[..],
                &["--set", "USAGE_STARTER_MESSAGES_HARD_LIMIT=7777"],
            ]
            .concat(),
        )
        .well();
    let plans = artifact(&place)["plans"].clone();
    place
        .run(&[
            "setup",
            "--headless",
            "--force",
            "--set",
            "ENABLE_USAGE_GUARDRAILS=false",
        ])
        .well();
    assert_eq!(
        (&artifact(&place)["enabled"], &artifact(&place)["plans"]),
        (&json!(false), &plans)
    );
    assert!(
        place
            .text(SETTINGS)
            .ends_with("ENABLE_USAGE_GUARDRAILS=false\n")
    );
    place.run(&[&ON[..], &["--force"]].concat()).well();
    assert_eq!(
        artifact(&place)["plans"],
        plans,
        "and are where the next run begins"
    );
}

/// A wizard on a terminal of its own.
struct Wizard {
    child: Child,
    terminal: File,
    /// What it wrote, piece by piece.
    pieces: Receiver<String>,
    seen: String,
}

impl Wizard {
    fn start(place: &Place, words: &[&str]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&terminal)
            .and_then(|()| unlockpt(&terminal))
            .expect("a terminal");
        tcsetwinsize(
            &terminal,
            Winsize {
                ws_row: 40,
                ws_col: 120,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )
        .expect("a size");
        let name = ptsname(&terminal, Vec::new())
            .expect("a name")
            .into_string()
            .expect("text");
        let end = || {
            File::options()
                .read(true)
                .write(true)
                .open(&name)
                .expect("its other end")
        };
        let mut command = place.command();
        command
            .env("TERM", "xterm")
            .args(words)
            .stdin(end())
            .stdout(end())
            .stderr(end());
        let child = command.spawn().expect("a wizard");
        // The command holds the other end of the terminal too.
        drop(command);
        let terminal = File::from(terminal);
        let (send, pieces) = channel();
        let mut reader = terminal.try_clone().expect("a terminal");
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Linux answers EIO once nobody holds the other end.
            while let Some(count) = reader.read(&mut bytes).ok().filter(|count| *count > 0) {
                if send
                    .send(String::from_utf8_lossy(&bytes[..count]).into_owned())
                    .is_err()
                {
                    break;
                }
            }
        });
        Self {
            child,
            terminal,
            pieces,
            seen: String::new(),
        }
    }

    /// Waits for `question`, then types `answer`.
    fn answer(&mut self, question: &str, answer: &str) {
        let end = loop {
            if let Some(place) = self.seen.find(question) {
                break place + question.len();
            }
            assert!(self.read(), "no `{question}` in {}", self.seen);
        };
        self.seen.drain(..end);
        self.terminal
            .write_all(answer.as_bytes())
            .expect("an answer");
    }

    /// Reads on; false when the other end is closed or silent.
    fn read(&mut self) -> bool {
        let piece = self.pieces.recv_timeout(SILENCE);
        piece.map(|piece| self.seen.push_str(&piece)).is_ok()
    }

    /// Its last words and exit code.
    fn end(mut self) -> (String, Option<i32>) {
        while self.read() {}
        let status = self.child.wait().expect("an end");
        (self.seen, status.code())
    }
}

#[test]
fn the_wizard_asks_shows_what_it_will_write_and_writes_it() {
    let place = Place::new();
    let mut wizard = Wizard::start(&place, &["setup"]);
    wizard.answer("Limit what the tenants of a plan may use?", "\r");
    wizard.answer("Plans", "\u{7f}\u{7f}\u{7f}\u{7f}\r");
    wizard.answer("Meter", " \r");
    wizard.answer("At a soft limit", "\u{1b}[B\r");
    wizard.answer("Currency of new plans", "\r");
    wizard.answer(
        "starter: soft limit of input_tokens",
        "\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}x\r",
    );
    wizard.answer("must be a whole number", "\u{7f}10\r");
    wizard.answer("starter: hard limit of input_tokens", "\r");
    wizard.answer("starter: soft limit of output_tokens", "\r");
    wizard.answer("starter: hard limit of output_tokens", "\r");
    wizard.answer("capacity", "n\r");
    wizard.answer("usage guardrails: on, a soft limit refuses, USD\r\n", "");
    assert!(
        place.is_empty(),
        "nothing is written before the confirmation"
    );
    wizard.answer("Write this?", "\r");
    let (words, code) = wizard.end();
    assert_eq!(code, Some(0), "{words}");
    let written = artifact(&place);
    let features = written["plans"][0]["features"]
        .as_array()
        .expect("features");
    let limits: Vec<Value> = features
        .iter()
        .map(|of| json!([of["feature_key"], of["soft_limit"], of["hard_limit"]]))
        .collect();
    assert_eq!(
        json!(limits),
        json!([
            ["input_tokens", 10, 250_000],
            ["output_tokens", 75_000, 100_000]
        ])
    );
    assert_eq!(
        (&written["soft_limit_mode"], &written["plans"][1]),
        (&json!("block"), &Value::Null)
    );
}

#[test]
fn who_breaks_off_or_does_not_confirm_writes_nothing() {
    let place = Place::new();
    let mut wizard = Wizard::start(&place, &["setup"]);
    wizard.answer("Limit what the tenants of a plan may use?", "\u{1b}");
    let (words, code) = wizard.end();
    assert_eq!(
        (
            code,
            words.contains("error: cancelled: nothing was written")
        ),
        (Some(1), true),
        "{words}"
    );
    let mut wizard = Wizard::start(&place, &["setup"]);
    wizard.answer("Limit what the tenants of a plan may use?", "n\r");
    wizard.answer("Write this?", "n\r");
    let (words, code) = wizard.end();
    assert_eq!(
        (code, words.contains("error: nothing was written")),
        (Some(1), true),
        "{words}"
    );
    assert!(place.is_empty());
}
