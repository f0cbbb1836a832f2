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

/// The strings of what macros share with statements, and the macros that they are made of, by file and name.
type Macros = HashMap<(String, String), Vec<Piece>>;

fn macros(sources: &[(String, String)]) -> Macros {
    let mut macros = HashMap::new();
    for (file, source) in sources {
        for definition in source.split("macro_rules! ").skip(1) {
            let name = definition.split([' ', '{']).next().unwrap().to_owned();
            macros.insert((file.clone(), name), pieces(definition.split("\n}").next().unwrap()));
        }
    }
    macros
}

/// What a macro that a file uses stands for.
fn meaning(macros: &Macros, file: &str, name: &str) -> String {
    let here = macros.get(&(file.to_owned(), name.to_owned()));
    let body = here.or_else(|| macros.iter().find(|((_, other), _)| other == name).map(|(_, body)| body));
    let text = |piece: &Piece| match piece {
        Piece::String(text) => text.clone(),
        Piece::Macro(name) => meaning(macros, file, name),
        Piece::Other(_) => String::new(),
    };
    body.into_iter().flatten().map(text).collect()
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
    let macros = macros(&sources);
    for (file, source) in &sources {
        // Within the brackets of a `concat!`: how deep, and what it has been put together to.
        let mut joined: Option<(usize, String)> = None;
        for piece in pieces(source) {
            match (&mut joined, piece) {
                (None, Piece::Macro(name)) if name == "concat" => joined = Some((0, String::new())),
                (None, Piece::String(sql)) => literals.push(Text { file: file.clone(), sql }),
                (Some((_, text)), Piece::String(part)) => text.push_str(&part),
                (Some((_, text)), Piece::Macro(name)) => text.push_str(&meaning(&macros, file, &name)),
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
