//! How long functions and lines may be, and that every dependency is used.

use crate::layers::metadata;
use crate::lexer::{Kind, Token, find_end, text_at, tokens};
use crate::sources::sources;
use std::collections::BTreeSet;

const FUNCTION_LINES_MAX: usize = 70;
const WIDTH_MAX: usize = 100;
/// A literal longer than this cannot be laid out in a narrower line.
const LITERAL_MAX: usize = 60;
/// Packages whose library has another name.
const NAMED_OTHERWISE: [(&str, &str); 1] = [("dynoxide-rs", "dynoxide")];

#[test]
fn no_function_is_longer_than_70_lines() {
    let mut long = Vec::new();
    for source in sources() {
        if source.path.starts_with("tests/") && !source.path.starts_with("tests/src/") {
            continue;
        }
        let functions = find_functions(&source.text);
        let over = functions
            .iter()
            .filter(|(_, _, lines)| *lines > FUNCTION_LINES_MAX);
        long.extend(
            over.map(|(line, name, lines)| format!("{}:{line} {name}: {lines}", source.path)),
        );
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn no_line_is_wider_than_100() {
    let mut wide = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !is_under_tests(&source.path))
    {
        let found = find_wide_lines(&source.text);
        wide.extend(found.iter().map(|line| format!("{}:{line}", source.path)));
    }
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn no_dependency_is_unused() {
    let metadata = metadata();
    let sources = sources();
    let root = metadata.workspace_root.as_str();
    let mut unused = Vec::new();
    for package in &metadata.packages {
        let manifest = package
            .manifest_path
            .as_str()
            .strip_prefix(root)
            .expect("a member");
        let folder = manifest
            .trim_start_matches('/')
            .trim_end_matches("Cargo.toml");
        let own = sources
            .iter()
            .filter(|source| source.path.starts_with(folder));
        let used: BTreeSet<&str> = own.flat_map(|source| find_crates(&source.text)).collect();
        for dependency in &package.dependencies {
            let name = dependency.rename.as_deref().unwrap_or(&dependency.name);
            let other = NAMED_OTHERWISE.iter().find(|(package, _)| *package == name);
            let library = other.map_or(name, |(_, library)| library).replace('-', "_");
            if !used.contains(library.as_str()) {
                unused.push(format!("{folder}: {name}"));
            }
        }
    }
    assert!(unused.is_empty(), "{unused:#?}");
}

#[test]
fn no_dependency_of_the_workspace_is_unused() {
    let metadata = metadata();
    let root = std::fs::read_to_string(metadata.workspace_root.join("Cargo.toml")).expect("text");
    let mut unused: BTreeSet<&str> = find_keys(&root, "[workspace.dependencies]").collect();
    for package in &metadata.packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("text");
        for line in manifest
            .lines()
            .filter(|line| line.contains("workspace = true"))
        {
            unused.remove(key(line));
        }
    }
    assert!(unused.is_empty(), "{unused:#?}");
}

/// Tests hold requests and tables, which rustfmt leaves as they are.
fn is_under_tests(path: &str) -> bool {
    path.split('/').any(|folder| folder == "tests")
}

/// Each function's first line, name and number of lines.
fn find_functions(text: &str) -> Vec<(usize, &str, usize)> {
    let tokens = tokens(text);
    let named = |at: &usize| {
        let is_name = |token: &Token<'_>| token.kind == Kind::Word;
        tokens[*at].text == "fn" && tokens.get(at + 1).is_some_and(is_name)
    };
    let functions = (0..tokens.len()).filter(named).map(|at| {
        let first = tokens[at].line;
        (
            first,
            tokens[at + 1].text,
            tokens[find_end(&tokens, at)].line - first + 1,
        )
    });
    functions.collect()
}

/// The lines that are too wide, but for those on which a long literal stands.
fn find_wide_lines(text: &str) -> Vec<usize> {
    let is_long =
        |token: &Token<'_>| token.kind == Kind::Literal && token.text.chars().count() > LITERAL_MAX;
    let tokens = tokens(text).into_iter().filter(is_long);
    let excused: BTreeSet<usize> = tokens
        .flat_map(|token| token.line..=token.line + token.text.matches('\n').count())
        .collect();
    let lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| line.chars().count() > WIDTH_MAX);
    lines
        .map(|(_, number)| number)
        .filter(|number| !excused.contains(number))
        .collect()
}

/// The first words of paths, among them all crates that `text` names.
fn find_crates(text: &str) -> Vec<&str> {
    let tokens = tokens(text);
    let begins = |at: &usize| {
        let before = if *at == 0 { "" } else { tokens[at - 1].text };
        let is_path = before != "::" && text_at(&tokens, at + 1) == "::";
        tokens[*at].kind == Kind::Word && (is_path || ["use", "crate"].contains(&before))
    };
    (0..tokens.len())
        .filter(begins)
        .map(|at| tokens[at].text)
        .collect()
}

/// The names that a section of a manifest gives values to.
fn find_keys<'a>(manifest: &'a str, section: &str) -> impl Iterator<Item = &'a str> {
    let lines = manifest
        .lines()
        .skip_while(move |line| *line != section)
        .skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| line.starts_with(char::is_alphanumeric))
        .map(key)
}

fn key(line: &str) -> &str {
    line.split(['.', '=', ' ']).next().expect("a first part")
}

#[test]
fn a_function_is_as_long_as_from_its_first_line_to_its_brace() {
    let text = "fn one() { '}'; }\n/// Doc.\nfn two<T>(\n    call: fn(T),\n) -> T {\n    \"{\"\n}\n\
                trait T {\n    fn three(\n    );\n}";
    assert_eq!(
        find_functions(text),
        [(1, "one", 1), (3, "two", 5), (9, "three", 2)]
    );
}

#[test]
fn a_wide_line_is_excused_by_a_long_literal_alone() {
    let (wide, long) = ("a ".repeat(51), "b".repeat(100));
    let text = format!("{wide}\n// {long}\n\"{long}\"\nr\"c\n{long}\n\"\n\"short\"{long}\n");
    assert_eq!(find_wide_lines(&text), [1, 2, 7]);
}

#[test]
fn a_crate_is_named_at_the_start_of_a_path() {
    let text = "use a; extern crate b; use c::d::{e}; #[f::g] h.i(); // j::k\n<l::M as n::O>::p()";
    assert_eq!(find_crates(text), ["a", "b", "c", "f", "l", "n"]);
}

#[test]
fn a_section_ends_at_the_next() {
    let text = "[a]\nb = 1\n[c]\n# d = 1\ne-f.g = 1\nh_i = [\n    \"j\",\n]\n[k]\nl = 1\n";
    assert_eq!(find_keys(text, "[c]").collect::<Vec<_>>(), ["e-f", "h_i"]);
}
