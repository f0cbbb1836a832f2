//! The SQL texts of `src/`, as they stand in string literals; those that `concat!` puts together are put together here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A string of a source file.
pub struct Text {
    pub file: String,
    pub sql: String,
}

enum Piece {
    String(String),
    /// `name!`, with what follows it.
    Macro(String),
    Other(char),
}

/// Whose statements are the operator's, and work as the owner.
const OPERATORS: &[&str] = &["src/db/check.rs", "src/db/migrations.rs"];

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// A source file's strings and macros; comments and what tests say are left out.
fn pieces(source: &str) -> Vec<Piece> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let mut chars = source.chars().peekable();
    let (mut pieces, mut word) = (Vec::new(), String::new());
    while let Some(ch) = chars.next() {
        match ch {
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|ch| *ch != '\n').is_some() {},
            // A character, not a lifetime.
            '\'' => {
                let mut ahead = chars.clone();
                let escaped = ahead.next() == Some('\\');
                if escaped {
                    ahead.next();
                }
                if ahead.next() == Some('\'') || escaped {
                    while chars.next_if(|ch| *ch != '\'').is_some() {}
                    chars.next();
                }
            }
            '"' => {
                let mut text = String::new();
                while let Some(ch) = chars.next() {
                    match ch {
                        '"' => break,
                        '\\' => match chars.next() {
                            Some('n') => text.push('\n'),
                            Some('\n') => while chars.next_if(|ch| ch.is_whitespace()).is_some() {},
                            Some(other) => text.push(other),
                            None => break,
                        },
                        other => text.push(other),
                    }
                }
                pieces.push(Piece::String(text));
            }
            '!' if !word.is_empty() => pieces.push(Piece::Macro(std::mem::take(&mut word))),
            _ => {}
        }
        if ch.is_alphanumeric() || ch == '_' {
            word.push(ch);
        } else {
            word.clear();
            if !ch.is_whitespace() && ch != '"' && ch != '!' {
                pieces.push(Piece::Other(ch));
            }
        }
    }
    pieces
}

/// What the macros stand for that pieces of statements share: the first string after `macro_rules! name`.
fn shared(pieces: &[Piece]) -> HashMap<String, String> {
    // `macro_rules!` is followed by a name that is no macro itself, so its users are looked for instead.
    let mut strings = HashMap::new();
    let mut after = None;
    for piece in pieces {
        match piece {
            Piece::Macro(name) if name == "macro_rules" => after = Some(()),
            Piece::String(text) if after.take().is_some() => {
                strings.insert(strings.len().to_string(), text.clone());
            }
            _ => {}
        }
    }
    strings
}

/// Every string of the service's rooms, `concat!` as one.
pub fn literals() -> Vec<Text> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    files(&root.join("src/db"), &mut paths);
    files(&root.join("src/grpc"), &mut paths);
    files(&root.join("src/import"), &mut paths);
    paths.sort();
    let mut literals = Vec::new();
    let sources: Vec<(String, String)> = paths
        .iter()
        .map(|path| {
            let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            (file, std::fs::read_to_string(path).unwrap())
        })
        .filter(|(file, _)| !OPERATORS.iter().any(|room| file.starts_with(room)))
        .collect();
    let mut macros = HashMap::new();
    for (file, source) in &sources {
        let names = source.split("macro_rules! ").skip(1).map(|rest| rest.split([' ', '{']).next().unwrap().to_owned());
        let strings = shared(&pieces(source));
        for (place, name) in names.enumerate() {
            let text = strings.get(&place.to_string()).cloned().unwrap_or_default();
            macros.insert((file.clone(), name), text);
        }
    }
    let meaning = |file: &str, name: &str| {
        let here = macros.get(&(file.to_owned(), name.to_owned()));
        here.or_else(|| macros.iter().find(|((_, other), _)| other == name).map(|(_, text)| text)).cloned()
    };
    for (file, source) in &sources {
        // Within the brackets of a `concat!`: how deep, and what it has been put together to.
        let mut joined: Option<(usize, String)> = None;
        for piece in pieces(source) {
            match (&mut joined, piece) {
                (None, Piece::Macro(name)) if name == "concat" => joined = Some((0, String::new())),
                (None, Piece::String(sql)) => literals.push(Text { file: file.clone(), sql }),
                (Some((_, text)), Piece::String(part)) => text.push_str(&part),
                (Some((_, text)), Piece::Macro(name)) => text.push_str(&meaning(file, &name).unwrap_or_default()),
                (Some((depth, _)), Piece::Other('(')) => *depth += 1,
                (Some((depth, text)), Piece::Other(')')) => {
                    *depth -= 1;
                    if *depth == 0 {
                        literals.push(Text { file: file.clone(), sql: std::mem::take(text) });
                        joined = None;
                    }
                }
                _ => {}
            }
        }
    }
    literals
}

/// The statements that begin with their name.
pub fn texts() -> Vec<Text> {
    literals().into_iter().filter(|text| text.sql.starts_with("-- ")).collect()
}
