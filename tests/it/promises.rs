//! `tests/PROMISES.md`: which test holds which sentence of the documents and of the contract. What it says is true, and it
//! leaves nothing out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("../PROMISES.md");

/// A sentence, where it stands, and what is said of it: names of tests, or why there are none.
struct Promise<'a> {
    document: &'a str,
    section: &'a str,
    text: &'a str,
    said: Vec<&'a str>,
}

const NOT_TESTED: &str = "not tested: ";
const NO_PROMISE: &str = "no promise: ";

impl<'a> Promise<'a> {
    fn tests(&self) -> impl Iterator<Item = &'a str> {
        self.said.iter().copied().filter(|said| !said.starts_with(NOT_TESTED) && !said.starts_with(NO_PROMISE))
    }

    fn is_not_tested(&self) -> bool {
        self.said.iter().any(|said| said.starts_with(NOT_TESTED))
    }
}

fn promises() -> Vec<Promise<'static>> {
    let (mut document, mut section) = ("", "");
    let mut promises: Vec<Promise<'_>> = Vec::new();
    for line in TABLE.lines().skip(1) {
        if let Some(name) = line.strip_prefix("# ") {
            (document, section) = (name, "");
        } else if let Some(name) = line.strip_prefix("## ") {
            section = name;
        } else if let Some(text) = line.strip_prefix("- ") {
            promises.push(Promise { document, section, text, said: Vec::new() });
        } else if let (Some(said), Some(promise)) = (line.strip_prefix("  "), promises.last_mut()) {
            promise.said.push(said);
        }
    }
    assert!(promises.len() > 240, "{}", promises.len());
    promises
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The paragraphs, list items and table rows of a Markdown document under their headings; examples are left out.
fn lines(document: &str) -> Vec<(String, String)> {
    let (mut section, mut is_code, mut found) = (String::new(), false, Vec::new());
    let text = read(document);
    let all: Vec<&str> = text.lines().collect();
    for (number, line) in all.iter().enumerate() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if let Some(heading) = line.strip_prefix('#').filter(|_| !is_code) {
            section = heading.trim_start_matches('#').trim().to_owned();
        } else {
            let is_header =
                line.starts_with("|---") || all.get(number + 1).is_some_and(|next| next.starts_with("|---"));
            if !is_code && !is_header && !line.trim().is_empty() && !line.starts_with("    ") {
                found.push((section.clone(), one_line(line)));
            }
        }
    }
    found
}

/// The comment before each method of a service, by its name.
fn methods(document: &str) -> Vec<(String, String)> {
    let (mut comment, mut found) = (String::new(), Vec::new());
    for line in read(document).lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("//") {
            comment += text;
            continue;
        }
        if let Some(method) = line.strip_prefix("rpc ") {
            found.push((method.split('(').next().unwrap_or_default().to_owned(), one_line(&comment)));
        }
        comment.clear();
    }
    found
}

/// Every `.rs` file below a folder.
fn sources(folder: PathBuf, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The tests that are run, as cargo calls them; those of `crates/` with the name of their crate before them.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![(root().join("tests/it"), None, false), (root().join("src"), None, true)];
    for member in std::fs::read_dir(root().join("crates")).unwrap().map(Result::unwrap) {
        let name = member.file_name().to_string_lossy().replace('-', "_");
        folders.push((member.path().join("src"), Some(name), true));
    }
    for (folder, member, is_unit) in folders {
        let mut files = Vec::new();
        sources(folder.clone(), &mut files);
        for file in files {
            let path = file.strip_prefix(&folder).unwrap().with_extension("");
            let modules = path.iter().map(|part| part.to_str().unwrap()).filter(|part| *part != "lib");
            let modules: Vec<&str> = member.as_deref().into_iter().chain(modules).collect();
            let mut module = modules.join("::");
            // In a file of their own they are in a module `tests` already.
            if is_unit && !module.split("::").any(|part| part == "tests") {
                module += "::tests";
            }
            let (mut is_test, text) = (false, read(&file));
            for line in text.lines().map(str::trim) {
                match line.strip_prefix("#[") {
                    Some(attribute) if attribute.starts_with("test]") || attribute.starts_with("tokio::test") => {
                        is_test = true;
                    }
                    // What is slow is run by `.ci/run`; others are no tests.
                    Some(attribute) if attribute.starts_with("ignore = \"slow: ") => {}
                    Some(attribute) if attribute.starts_with("ignore") => is_test = false,
                    Some(_) => {}
                    None => {
                        let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                        if let (true, Some(name)) = (is_test, name) {
                            found.insert(format!("{module}::{}", name.split('(').next().unwrap_or_default()));
                        }
                        is_test &= line.starts_with("//");
                    }
                }
            }
        }
    }
    assert!(found.len() > 300, "{}", found.len());
    found
}

#[test]
fn every_promise_stands_where_the_table_says_and_is_held_by_tests_that_are_there() {
    let (promises, tests) = (promises(), tests());
    let mut wrong = Vec::new();
    let mut kept: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for promise in &promises {
        let Promise { document, section, text, said } = promise;
        let is_proto = document.ends_with(".proto");
        let there = kept.entry(document).or_insert_with(|| if is_proto { methods(document) } else { lines(document) });
        let stands = there.iter().any(|(place, line)| (is_proto || place == section) && line.contains(&one_line(text)));
        if !stands {
            wrong.push(format!("{document}, {section}: it does not say any more: {text}"));
        }
        if said.is_empty() {
            wrong.push(format!("{document}, {section}: nothing is said of: {text}"));
        }
        let gone = promise.tests().filter(|test| !tests.contains(*test));
        wrong.extend(gone.map(|test| format!("there is no test {test}, which is to hold: {text}")));
    }
    assert!(wrong.is_empty(), "tests/PROMISES.md is not right any more:\n{}", wrong.join("\n"));
}

#[test]
fn no_line_of_the_documents_and_no_method_is_left_out() {
    let promises = promises();
    let any = |document: &str, says: &dyn Fn(&Promise<'_>) -> bool| {
        promises.iter().any(|promise| promise.document == document && says(promise))
    };
    let mut left_out = Vec::new();
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let docs = docs.map(|name| format!("docs/{}", name.to_string_lossy())).filter(|name| name.ends_with(".md"));
    for document in ["README.md", "ARCHITECTURE.md"].map(str::to_owned).into_iter().chain(docs) {
        for (section, line) in lines(&document) {
            if !any(&document, &|promise| promise.section == section && line.contains(&one_line(promise.text))) {
                left_out.push(format!("{document}, {section}: {line}"));
            }
        }
    }
    let mut services = 0;
    for entry in std::fs::read_dir(root().join("proto/lekalo/v1")).unwrap().map(Result::unwrap) {
        let document = format!("proto/lekalo/v1/{}", entry.file_name().to_string_lossy());
        for (method, comment) in methods(&document) {
            services += 1;
            if !any(&document, &|promise| comment.contains(&one_line(promise.text))) {
                left_out.push(format!("{document}, {method}: {comment}"));
            }
        }
    }
    assert!(services >= 40, "{services}");
    assert!(left_out.is_empty(), "tests/PROMISES.md says nothing of:\n{}", left_out.join("\n"));
}

#[test]
fn what_is_not_tested_only_becomes_less() {
    let stated = TABLE.lines().find_map(|line| line.strip_prefix("Not tested at most: "));
    let most: usize = stated.unwrap().parse().unwrap();
    let found = promises().iter().filter(|promise| promise.is_not_tested()).count();
    assert!(found <= most, "{found} promises are not tested, {most} were");
    assert_eq!(found, most, "fewer promises are without a test than before: say so at the head of tests/PROMISES.md");
}

#[test]
fn test_modules_share_through_support_and_take_nothing_from_each_other() {
    let folder = root().join("tests/it");
    let mut files = Vec::new();
    sources(folder.clone(), &mut files);
    let (mut wrong, mut shared) = (Vec::new(), 0);
    for file in files {
        let name = file.strip_prefix(&folder).unwrap();
        // A module's own files may say `super`; from one in the root it leads to the others.
        let is_in_root = name.components().count() == 1;
        for line in read(&file).lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            let paths = line.match_indices("crate::").map(|(at, found)| &line[at + found.len()..]);
            let (support, others): (Vec<&str>, Vec<&str>) = paths.partition(|path| path.starts_with("support"));
            shared += support.len();
            let leads_out = line.contains("super::super::") || (is_in_root && line.contains("super::"));
            let is_written = line.contains("\"crate::") || line.contains("\"super::");
            if (!others.is_empty() || leads_out) && !is_written {
                wrong.push(format!("tests/it/{}: {line}", name.display()));
            }
        }
    }
    assert!(shared > 100, "{shared}");
    assert!(
        wrong.is_empty(),
        "what several test modules need stands in a file of tests/it/support/ and comes from `crate::support`; move it \
         there:\n{}",
        wrong.join("\n")
    );
}
