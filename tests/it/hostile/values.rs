//! Bad values for each kind of field, as JSON text.

use serde_json::Value;

/// What a field takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// What people call something.
    Name,
    /// What a client made to be found by.
    Id,
    Integer,
    Decimal,
    /// A decimal that is rounded, however fine.
    Measured,
    Time,
    Flag,
    Choice,
    Line,
    Array,
    Object,
    /// A decimal, or an object of one.
    Price,
}

const NAMES: [&str; 12] = [
    "operation",
    "tier",
    "agent_id",
    "consumer_id",
    "session_id",
    "task_id",
    "tool_server",
    "tool_name",
    "model",
    "provider",
    "budget_node",
    "scope_id",
];
const TIMES: [&str; 3] = ["timestamp", "expires_at", "effective_from"];
const CHOICES: [&str; 9] = [
    "scope",
    "measure",
    "window",
    "soft_mode",
    "on_unavailable",
    "unpriced",
    "discount_mode",
    "currency",
    "scopes",
];

impl Kind {
    /// The kind of the field `name`, whose good value is `value`.
    pub(super) fn of(name: &str, value: &Value) -> Self {
        match value {
            Value::Object(fields) if fields.contains_key("amount") => Self::Price,
            // A tier is a factor, or an object of prices.
            Value::Object(_) if name == "priority" => Self::Price,
            Value::Object(_) => Self::Object,
            Value::Array(_) => Self::Array,
            Value::Bool(_) => Self::Flag,
            Value::Number(_) => Self::Integer,
            Value::String(_) if TIMES.contains(&name) => Self::Time,
            Value::String(_) if CHOICES.contains(&name) => Self::Choice,
            Value::String(_) if ["latency_ms", "compliance_score"].contains(&name) => {
                Self::Measured
            }
            Value::String(text) if text.parse::<f64>().is_ok() => Self::Decimal,
            Value::String(_)
                if ["name", "display_name", "description", "unit", "reason"].contains(&name) =>
            {
                Self::Line
            }
            Value::String(_) if NAMES.contains(&name) => Self::Name,
            _ => Self::Id,
        }
    }

    /// What it must refuse, as JSON or as text that is none.
    pub(super) fn bad(self) -> Vec<String> {
        let long = |count: usize| format!("\"{}\"", "x".repeat(count));
        let mut bad: Vec<String> = self
            .bad_words()
            .iter()
            .map(|text| (*text).to_owned())
            .collect();
        match self {
            Self::Name | Self::Id => bad.extend([long(129), long(10_000)]),
            Self::Line => bad.extend([long(201), long(10_000)]),
            Self::Decimal => bad.push(format!("\"0.{}1\"", "0".repeat(5000))),
            _ => {}
        }
        bad
    }

    fn bad_words(self) -> &'static [&'static str] {
        match self {
            Self::Name => &[
                "7",
                "1e400",
                "true",
                "[]",
                "{}",
                r#""""#,
                r#""a|b""#,
                r#""-a""#,
                r#"".""#,
                r#"" a""#,
                r#""a ""#,
                r#""a  b""#,
                r#""100%""#,
                r#""a%zz""#,
                r#""../x""#,
                r#""a\u0000b""#,
                r#""a\nb""#,
                r#""a\tb""#,
                r#""\u001b[31m""#,
                r#""\ud800""#,
                "\"caf\u{e9}\"",
                "\"cafe\u{301}\"",
                "\"a\u{202e}b\"",
                "\"\u{200b}a\"",
                "\"\u{1f600}\"",
                r#""=1+1""#,
                r#""$x""#,
                "\"a\u{1}b\"",
            ],
            Self::Id => &[
                "7",
                "1e400",
                "true",
                "[]",
                "{}",
                r#""""#,
                r#""a|b""#,
                r##""a#b""##,
                r#""a b""#,
                r#""-a""#,
                r#"".""#,
                r#""../x""#,
                r#""a\\b""#,
                r#""a\u0000b""#,
                r#""a\nb""#,
                r#""\u001b[31m""#,
                r#""\ud800""#,
                "\"caf\u{e9}\"",
                "\"cafe\u{301}\"",
                "\"a\u{202e}b\"",
                "\"\u{200b}a\"",
                "\"\u{1f600}\"",
                r#""a%2fb""#,
                r#""a,b""#,
                r#""=1+1""#,
                r#""$x""#,
                "\"a\u{1}b\"",
            ],
            Self::Integer => &[
                "-1",
                "-0.5",
                "1.5",
                "12e-1",
                "1.0000000000000000001",
                "1e400",
                "-1e400",
                "NaN",
                "Infinity",
                "-Infinity",
                "01",
                "+1",
                ".5",
                "1.",
                "0x10",
                r#""5""#,
                r#""""#,
                "true",
                "[]",
                "{}",
                "[5]",
                "9007199254740992",
                "18446744073709551616",
                "340282366920938463463374607431768211456",
                "-170141183460469231731687303715884105729",
            ],
            Self::Decimal => &[
                "-0.1",
                r#""-0.1""#,
                "1e400",
                r#""1e400""#,
                "1e-400",
                r#""1e-400""#,
                "NaN",
                r#""NaN""#,
                "-Infinity",
                r#""Infinity""#,
                r#""""#,
                r#"" 1""#,
                r#""1,5""#,
                r#""1_000""#,
                r#""0x1""#,
                r#""01""#,
                r#""1.""#,
                r#"".5""#,
                r#""+1""#,
                "\"\u{661}\"",
                "340282366920938463463374607431768211456",
                r#""0.0000000000000001""#,
                r#""1.00000000000000000000000000001""#,
                "true",
                "[]",
                "{}",
            ],
            Self::Measured => &[
                "-0.1",
                r#""-0.1""#,
                "1e400",
                r#""1e400""#,
                "NaN",
                r#""NaN""#,
                "-Infinity",
                r#""Infinity""#,
                r#""""#,
                r#"" 1""#,
                r#""1,5""#,
                r#""1_000""#,
                r#""01""#,
                r#"".5""#,
                "340282366920938463463374607431768211456",
                "true",
                "[]",
                "{}",
            ],
            Self::Time => &[
                "7",
                "1764000000",
                "true",
                "[]",
                "{}",
                r#""""#,
                r#""yesterday""#,
                r#""2026-11-22""#,
                r#""2026-11-22T10:00:00""#,
                r#""2026-02-30T10:00:00Z""#,
                r#""2026-11-22T25:00:00Z""#,
                r#""2026-11-22T10:00:00+99:00""#,
                r#""2026-11-22T10:00:00Z\u0000""#,
                r#""2026-11-22T10:00:00Z[Europe/Berlin]""#,
                r#""99999-01-01T00:00:00Z""#,
                r#""-0001-01-01T00:00:00Z""#,
                r#""\ud800""#,
            ],
            Self::Flag => &["0", "1", r#""true""#, r#""""#, "[]", "{}"],
            Self::Choice => &[
                "7",
                "true",
                "[]",
                "{}",
                r#""""#,
                r#""LOUD""#,
                r#""x|y""#,
                r#""x\u0000""#,
                r#""\ud800""#,
                r#""events:""#,
            ],
            Self::Line => &[
                "7",
                "true",
                "[]",
                "{}",
                r#""""#,
                r#""a\u0000b""#,
                r#""a\r\nb""#,
                r#""\u001b[31m""#,
                r#""\udfff""#,
            ],
            Self::Array => &["{}", r#""x""#, "7", "true"],
            Self::Price => &["[]", r#""x""#, "true", "-1", "1e400", "NaN"],
            Self::Object => &["[]", r#""x""#, "7", "true"],
        }
    }
}
