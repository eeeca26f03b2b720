//! How the files of a crate may import one another.

use crate::lexer::{Kind, Token, find_closing, skip_tests, text_at, tokens};
use crate::sources::{Source, sources};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The rooms of a crate, from the ground up.
const ROOMS: [(&str, &[&str]); 2] = [
    (
        "core",
        &[
            "money", "time", "event", "price", "limit", "order", "ledger", "decide", "usage",
            "bill",
        ],
    ),
    (
        "crates/service",
        &[
            "store",
            "engine",
            "usage",
            "settings",
            "record",
            "holds",
            "changes",
            "housekeeping",
        ],
    ),
];

/// The files beside the rooms, which import and are imported on any floor.
const LANDINGS: [&str; 4] = [
    "core/src/lib.rs",
    "core/src/schema.rs",
    "core/src/words.rs",
    "crates/service/src/lib.rs",
];

/// A crate's files, but for its tests, by their modules: `money::amount`.
struct Crate {
    folder: String,
    files: BTreeMap<String, Source>,
}

/// A path in a file, and the file that it leads to.
struct Import {
    from: String,
    line: usize,
    path: String,
    to: Option<String>,
}

/// Paths from the root of a crate, each with the line it stands on.
type Paths<'a> = Vec<(usize, Vec<&'a str>)>;

type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

#[test]
fn no_circle_of_files() {
    let mut circles = Vec::new();
    for member in crates() {
        let imports = member.imports();
        let mut graph = Graph::new();
        for import in &imports {
            if let Some(to) = &import.to {
                graph.entry(&import.from).or_default().insert(to);
            }
        }
        let found = graph.keys().filter_map(|start| find_circle(&graph, start));
        circles.extend(found.min_by_key(Vec::len).map(|circle| circle.join(" -> ")));
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn nothing_is_imported_through_the_root_or_a_room() {
    let mut wrong = Vec::new();
    for import in crates().iter().flat_map(Crate::imports) {
        let module = import.path.replace("::", "/");
        let names_an_item = |to: &String| !to.ends_with(&format!("/src/{module}/mod.rs"));
        if !is_root(&import.from) && !import.to.as_ref().is_some_and(names_an_item) {
            wrong.push(format!(
                "{}:{}: crate::{}",
                import.from, import.line, import.path
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_room_imports_a_higher_one() {
    let mut wrong = Vec::new();
    for (folder, rooms) in ROOMS {
        let floor = |path: &str| {
            let (room, _) = path
                .strip_prefix(folder)?
                .strip_prefix("/src/")?
                .split_once('/')?;
            rooms.iter().position(|name| *name == room)
        };
        let member = crates()
            .into_iter()
            .find(|member| member.folder == folder)
            .expect("a crate");
        let paths = member.files.values().map(|source| source.path.as_str());
        let astray = paths.filter(|path| floor(path).is_none() && !LANDINGS.contains(path));
        wrong.extend(astray.map(|path| format!("{path} is in no room")));
        for Import { from, line, to, .. } in member.imports() {
            if let Some(to) = to
                && let (Some(here), Some(there)) = (floor(&from), floor(&to))
                && there > here
            {
                wrong.push(format!("{from}:{line} imports {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn crates() -> Vec<Crate> {
    let mut crates: BTreeMap<String, BTreeMap<String, Source>> = BTreeMap::new();
    for source in sources() {
        let Some((folder, file)) = source.path.split_once("/src/") else {
            continue;
        };
        if folder != "tests" && !file.ends_with("tests.rs") {
            let name = file
                .trim_end_matches(".rs")
                .trim_end_matches("/mod")
                .replace('/', "::");
            crates
                .entry(folder.to_owned())
                .or_default()
                .insert(name, source);
        }
    }
    crates
        .into_iter()
        .map(|(folder, files)| Crate { folder, files })
        .collect()
}

fn is_root(path: &str) -> bool {
    path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs")
}

impl Crate {
    /// What each file imports of the others.
    fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (name, source) in &self.files {
            let is_root = is_root(&source.path);
            let module = if is_root {
                Vec::new()
            } else {
                name.split("::").collect()
            };
            for (line, path) in find_paths(&skip_tests(&tokens(&source.text)), &module) {
                let to = self.resolve(&path).map(|to| to.path.clone());
                if to.as_ref() != Some(&source.path) {
                    imports.push(Import {
                        from: source.path.clone(),
                        line,
                        path: path.join("::"),
                        to,
                    });
                }
            }
        }
        imports
    }

    /// The innermost file on the way to an item.
    fn resolve(&self, path: &[&str]) -> Option<&Source> {
        (1..=path.len())
            .rev()
            .find_map(|length| self.files.get(&path[..length].join("::")))
    }
}

/// The shortest way from a file back to itself.
fn find_circle<'a>(graph: &Graph<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut ways = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in graph.get(way[way.len() - 1]).into_iter().flatten() {
            let longer = [&way[..], &[next]].concat();
            if *next == start {
                return Some(longer);
            }
            if seen.insert(*next) {
                ways.push_back(longer);
            }
        }
    }
    None
}

/// The paths to items of the same crate in a module's text, from the root, with their lines.
fn find_paths<'a>(tokens: &[Token<'a>], module: &[&'a str]) -> Paths<'a> {
    let declares = |all: &[Token<'a>]| all[0].text == "mod" && all[2].text == ";";
    let children = tokens
        .windows(3)
        .filter(|all| declares(all))
        .map(|all| all[1].text);
    let starts: Vec<&str> = children.chain(["crate", "self", "super"]).collect();
    let mut found = Paths::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = at == 0 || !["::", "."].contains(&tokens[at - 1].text);
        if tokens[at].text == "mod" && text_at(tokens, at + 2) == "{" {
            let end = find_closing(tokens, at + 2);
            let inner = [module, &[tokens[at + 1].text]].concat();
            found.extend(find_paths(&tokens[at + 3..end], &inner));
            at = end;
        } else if begins && starts.contains(&tokens[at].text) && text_at(tokens, at + 1) == "::" {
            at = read_path(tokens, at, module.to_vec(), &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one path with its groups, seen from `path`, and returns where it ends.
fn read_path<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    mut path: Vec<&'a str>,
    found: &mut Paths<'a>,
) -> usize {
    loop {
        match tokens[at].text {
            "{" => return read_group(tokens, at, &path, found),
            "crate" => path.clear(),
            "super" => {
                path.pop();
            }
            word if tokens[at].kind == Kind::Word && word != "self" => path.push(word),
            _ => {}
        }
        if text_at(tokens, at + 1) != "::" {
            let called = ["(", "[", "{"].contains(&text_at(tokens, at + 2));
            let is_macro = path.len() == 1 && text_at(tokens, at + 1) == "!" && called;
            found.extend((!is_macro).then_some((tokens[at].line, path)));
            return at + 1;
        }
        at += 2;
    }
}

/// Reads what stands between braces at the end of a path.
fn read_group<'a>(
    tokens: &[Token<'a>],
    open: usize,
    path: &[&'a str],
    found: &mut Paths<'a>,
) -> usize {
    let end = find_closing(tokens, open);
    let mut at = open + 1;
    while at < end {
        at = match tokens[at].text {
            "," => at + 1,
            "as" => at + 2,
            _ => read_path(tokens, at, path.to_vec(), found),
        };
    }
    end + 1
}

fn paths(text: &str, module: &[&str]) -> Vec<String> {
    let tokens = tokens(text);
    find_paths(&tokens, module)
        .into_iter()
        .map(|(_, path)| path.join("::"))
        .collect()
}

#[test]
fn a_group_is_all_its_paths() {
    let text = "use crate::money::{self, amount::{Amount, ONE as One}, rate::*}; use serde::de;";
    let all = [
        "money",
        "money::amount::Amount",
        "money::amount::ONE",
        "money::rate",
    ];
    assert_eq!(paths(text, &["bill"]), all);
}

#[test]
fn paths_in_bodies_count_and_those_in_texts_and_comments_do_not() {
    let text =
        "// crate::a\n\"crate::b\" let c = crate::c::d::<crate::e::F>(x.crate_::g); $h::crate";
    assert_eq!(paths(text, &[]), ["c::d", "e::F"]);
    assert_eq!(
        paths(
            "pub(crate) fn f(self) { crate::told!(1); crate::ONE != 2 }",
            &[]
        ),
        ["ONE"]
    );
}

#[test]
fn super_self_and_children_are_seen_from_the_root() {
    let text = "mod inner; use super::{b::B, super::C}; use inner::D; self::e(); x.inner::<F>()";
    let all = ["a::b::B", "C", "a::own::inner::D", "a::own::e"];
    assert_eq!(paths(text, &["a", "own"]), all);
    assert_eq!(paths("mod inner { use super::A; }", &["own"]), ["own::A"]);
}

#[test]
fn the_shortest_circle_is_found() {
    let graph = Graph::from([
        ("a", BTreeSet::from(["b", "c"])),
        ("b", BTreeSet::from(["c"])),
        ("c", BTreeSet::from(["a", "d"])),
    ]);
    assert_eq!(find_circle(&graph, "a"), Some(vec!["a", "c", "a"]));
    assert_eq!(find_circle(&graph, "d"), None);
}
