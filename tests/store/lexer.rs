//! Rust text as words, literals and marks: enough to ask what a file names and how long it is.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Literal,
    Mark,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// All of `text` but blanks and comments.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(next) = rest.chars().next() {
        let (kind, length) = measure(rest, next);
        let (text, after) = rest.split_at(length);
        tokens.extend(kind.map(|kind| Token { kind, text, line }));
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The text of the token at `at`, or nothing past the end.
pub(crate) fn text_at<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

/// Where the bracket at `open` is closed.
pub(crate) fn find_closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    panic!("the bracket on line {} is never closed", tokens[open].line)
}

/// Where the item that begins at `at` ends: at its semicolon or its closing brace.
pub(crate) fn find_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    loop {
        match tokens[at].text {
            ";" => return at,
            "{" => return find_closing(tokens, at),
            "(" | "[" => at = find_closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
}

/// The tokens without the items under `#[cfg(test)]`.
pub(crate) fn skip_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if (0..TEST.len()).all(|place| text_at(tokens, at + place) == TEST[place]) {
            at = find_end(tokens, at + TEST.len()) + 1;
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// What `rest` begins with and its length; blanks and comments are of no kind.
fn measure(rest: &str, next: char) -> (Option<Kind>, usize) {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    if next.is_whitespace() {
        (None, next.len_utf8())
    } else if rest.starts_with("//") {
        (None, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (None, measure_comment(rest))
    } else if let Some(length) = measure_literal(rest) {
        (Some(Kind::Literal), length)
    } else if is_word(next) {
        let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        (Some(Kind::Word), length)
    } else if rest.starts_with("::") {
        (Some(Kind::Mark), 2)
    } else {
        (Some(Kind::Mark), next.len_utf8())
    }
}

/// The length of a `/* comment */`, which may hold others.
fn measure_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut places = rest.char_indices();
    while let Some((at, _)) = places.next() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            places.next();
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            places.next();
        }
        if depth == 0 {
            return at + 2;
        }
    }
    rest.len()
}

fn measure_literal(rest: &str) -> Option<usize> {
    match rest.as_bytes()[0] {
        b'"' => Some(measure_string(rest)),
        b'\'' => measure_character(rest),
        b'b' | b'c' if rest[1..].starts_with('"') => Some(1 + measure_string(&rest[1..])),
        b'b' if rest[1..].starts_with('\'') => Some(1 + measure_character(&rest[1..])?),
        _ => measure_raw_string(rest),
    }
}

fn measure_string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Nothing for a lifetime, which has no second quote.
fn measure_character(rest: &str) -> Option<usize> {
    let mut letters = rest.char_indices().skip(1);
    let (_, letter) = letters.next()?;
    let (at, after) = letters.next()?;
    if letter == '\\' {
        let (at, _) = letters.find(|(_, letter)| *letter == '\'')?;
        return Some(at + 1);
    }
    (after == '\'').then_some(at + 1)
}

/// Nothing for a word, or a raw name such as `r#type`.
fn measure_raw_string(rest: &str) -> Option<usize> {
    let marked = ["r", "br", "cr"].iter().find_map(|prefix| {
        let marked = rest.strip_prefix(prefix)?;
        marked.starts_with(['"', '#']).then_some(marked)
    })?;
    let hashes = marked.len() - marked.trim_start_matches('#').len();
    let body = marked[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest.len() - body.len() + body.find(&end)? + end.len())
}

fn texts(text: &str) -> Vec<&str> {
    tokens(text).iter().map(|token| token.text).collect()
}

#[test]
fn brackets_in_literals_and_comments_are_none() {
    let text = r####"{ "\"}" '}' '\'' '\u{7d}' b'}' b"}\\" r"}\" r#"}"}"# br##"}"#"## // }
        /* } /* } */ } */ }"####;
    let tokens = tokens(text);
    assert_eq!(find_closing(&tokens, 0), tokens.len() - 1);
    assert_eq!((tokens.len(), tokens[tokens.len() - 1].line), (11, 2));
}

#[test]
fn a_lifetime_is_no_character_and_a_raw_name_no_string() {
    assert_eq!(texts("<'a>('b')"), ["<", "'", "a", ">", "(", "'b'", ")"]);
    assert_eq!(texts("r#type + bar"), ["r", "#", "type", "+", "bar"]);
    assert_eq!(texts("'🦀' 'static"), ["'🦀'", "'", "static"]);
}

#[test]
fn an_item_ends_at_its_semicolon_or_brace() {
    for (text, end) in [
        ("mod a; x", ";"),
        ("fn f(x: [u8; 3]) { {} } x", "}"),
        ("#[path = \"a\"] mod a; {}", ";"),
    ] {
        let tokens = tokens(text);
        assert_eq!(tokens[find_end(&tokens, 0)].text, end);
        assert!(find_end(&tokens, 0) + 3 >= tokens.len(), "{text}");
    }
}

#[test]
fn what_only_tests_compile_is_skipped() {
    let text = "a #[cfg(test)] #[path = \"b\"] mod tests; c #[cfg(test)] mod tests { d } e";
    let kept: Vec<&str> = skip_tests(&tokens(text))
        .iter()
        .map(|token| token.text)
        .collect();
    assert_eq!(kept, ["a", "c", "e"]);
}
