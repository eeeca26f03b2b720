//! What no source file may contain, but where it belongs.

use std::path::{Path, PathBuf};

const LINES_MAX: usize = 400;

pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every Rust file of the workspace, by its path in it.
pub(crate) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace")
        .to_path_buf();
    let mut folders: Vec<PathBuf> = ["core", "crates", "functions", "tests"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                let path = path
                    .strip_prefix(&root)
                    .expect("inside")
                    .to_string_lossy()
                    .replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    assert!(sources.len() > 100, "only {} files found", sources.len());
    sources
}

impl Source {
    /// The lines that are code, numbered.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(place, line)| (place + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Whether `line` has `word`, and not as the end of another.
fn has(line: &str, word: &str) -> bool {
    let joins = |of: char| of.is_alphanumeric() || of == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(joins))
}

/// Where code outside `allowed` contains any of `words`.
fn strays(words: &[&str], allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !source.path.starts_with("tests/") && !allowed(&source.path))
    {
        let is_stray = |line: &str| words.iter().any(|word| has(line, word));
        for (number, line) in source.code().filter(|(_, line)| is_stray(line)) {
            found.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    found
}

fn is_function_main(path: &str) -> bool {
    path.starts_with("functions/") && path.ends_with("/src/main.rs")
}

#[test]
fn the_sdk_is_used_in_dynamo_and_sqs_alone() {
    assert_eq!(
        strays(&["aws_"], |path| path.starts_with("crates/dynamo/")
            || path.starts_with("crates/sqs/")),
        [""; 0]
    );
}

#[test]
fn lambda_and_the_store_on_aws_are_wired_in_the_functions_main_files_alone() {
    assert_eq!(
        strays(&["lambda_http", "lambda_runtime"], is_function_main),
        [""; 0]
    );
    let wired = |path: &str| !path.starts_with("functions/") || is_function_main(path);
    assert_eq!(strays(&["tollgate_dynamo"], wired), [""; 0]);
}

#[test]
fn the_environment_is_read_in_main_files_and_on_the_command_line_alone() {
    // An example is a main file by another name.
    let may = |path: &str| {
        path.ends_with("/main.rs") || path.starts_with("crates/cli/") || path.contains("/examples/")
    };
    assert_eq!(
        strays(&["std::env::var", "env::var(", "env::vars"], may),
        [""; 0]
    );
}

#[test]
fn the_system_clock_is_read_in_one_place_of_the_service_and_by_its_clients() {
    // The recorder runs inside other programs and stamps events as they happen there.
    let clocks = [
        "crates/gateway/src/clock.rs",
        "crates/recorder/src/clock.rs",
    ];
    let may = |path: &str| clocks.contains(&path) || path.starts_with("crates/cli/src/replay");
    assert_eq!(
        strays(
            &[
                "Timestamp::now",
                "SystemTime::now",
                "Zoned::now",
                "Utc::now"
            ],
            may
        ),
        [""; 0]
    );
}

#[test]
fn core_has_no_map_whose_order_depends_on_chance() {
    assert_eq!(
        strays(&["HashMap", "HashSet"], |path| !path.starts_with("core/")),
        [""; 0]
    );
}

#[test]
fn no_status_code_is_named_outside_the_catalogue_and_the_gateway() {
    let may = |path: &str| {
        path.starts_with("crates/api/")
            || path.starts_with("crates/gateway/")
            || path.starts_with("crates/cli/")
    };
    assert_eq!(
        strays(&["StatusCode::", "from_u16("], |path| may(path)
            || path.starts_with("crates/dynamo/")),
        [""; 0]
    );
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let long = sources()
        .into_iter()
        .map(|source| (source.path, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX);
    assert_eq!(long.collect::<Vec<_>>(), []);
}
