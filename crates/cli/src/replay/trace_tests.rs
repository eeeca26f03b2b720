use super::*;
use crate::replay::mapping::Mapping;
use std::io::Write;
use tollgate_core::Name;

fn trace(text: &[u8]) -> (tempfile::NamedTempFile, Result<Trace, Failure>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    let source = Source {
        path: file.path().to_path_buf(),
        delimiter: b',',
    };
    let trace = source.headers().and_then(|headers| {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let reading = Reading {
            tenant: Name::new("acme").unwrap(),
            operation: Name::new("gpt-4o").ok(),
            mapping: Mapping::new(&headers, &[], true)?,
            assume_utc: true,
        };
        Ok(Trace { source, reading })
    });
    (file, trace)
}

fn survey(text: &[u8]) -> Result<Survey, Failure> {
    let (_file, trace) = trace(text);
    trace?.survey()
}

#[test]
fn line_ends_quotes_and_a_missing_last_newline_change_nothing() {
    let expected =
        survey(b"timestamp,tokens_in\n2023-11-16 18:15:46,5\n2023-11-16 18:15:40,6\n").unwrap();
    assert_eq!(expected.rows, 2);
    let (oldest, newest) = expected.span.unwrap();
    assert_eq!(
        (oldest.to_string(), newest.to_string()),
        ("2023-11-16T18:15:40Z".into(), "2023-11-16T18:15:46Z".into())
    );
    for text in [
        "timestamp,tokens_in\r\n2023-11-16 18:15:46,5\r\n2023-11-16 18:15:40,6",
        "\"timestamp\",\"tokens_in\"\n\"2023-11-16 18:15:46\",\"5\"\n\n\"2023-11-16 18:15:40\",6",
        "\u{feff}timestamp,tokens_in\n2023-11-16 18:15:46,5\n2023-11-16 18:15:40,6\n",
    ] {
        assert_eq!(survey(text.as_bytes()).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn a_bad_row_is_named_by_row_and_column() {
    for (text, refusal) in [
        (
            "timestamp,tokens_in\n2023-11-16,5\n2023-11-16,x\n",
            "row 2 column tokens_in: `x` must be a whole number",
        ),
        (
            "timestamp,tokens_in\nsoon,5\n",
            "row 1 column timestamp: `soon` must be an RFC 3339 time",
        ),
        (
            "timestamp,tokens_in\n2023-11-16,5\n2023-11-16\n",
            "row 2: has 1 cells where the header has 2",
        ),
        ("timestamp,tokens_in\n", "has a header but no rows"),
        ("", "is empty"),
    ] {
        let message = survey(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(refusal), "{message}");
    }
    let message = survey(b"timestamp,tokens_in,x\n2023-11-16,5,\xff\n")
        .unwrap_err()
        .to_string();
    assert_eq!(message, "row 1: is not UTF-8");
}

#[test]
fn a_row_may_span_lines_and_keeps_its_number() {
    let (_file, trace) = trace(b"note,tokens_in\n\"two\nlines\",1\nplain,2\n");
    let trace = trace.unwrap();
    let numbers: Vec<u64> = trace
        .rows()
        .unwrap()
        .map(|row| row.unwrap().number)
        .collect();
    assert_eq!(numbers, [1, 2]);
}
