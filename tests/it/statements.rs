//! The service's SQL, parsed: whatever touches a tenant's table asks for its tenant itself, on the level where it does so.
//! Row-level security would hide that one does not; on a cluster sharded by tenant it would go to every shard.

mod levels;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use lekalo::domain::vehicle::Attributes;

use levels::{complaints, tree};
use sources::{Text, texts};

/// The tables that have a tenant's rows, as schema.sql makes them.
fn tenant_tables() -> BTreeSet<String> {
    let schema = include_str!("../../migrations/schema.sql");
    let tables = schema.split("CREATE TABLE ").skip(1).filter_map(|rest| {
        let (name, columns) = rest.split_once(" (")?;
        let columns = columns.split_once("\n);")?.0;
        columns.lines().any(|line| line.trim_start().starts_with("tenant_id ")).then(|| name.to_owned())
    });
    tables.collect()
}

/// Statements that ask for no tenant, or for several, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("count_api_keys", "a key is no tenant's, and those are listed that are for none but these"),
    ("find_api_key", "the same"),
    ("list_api_keys", "the same"),
    ("read_api_keys", "each server knows all keys"),
    ("list_all_audit_events", "those of every tenant are asked for"),
    ("count_all_audit_events", "the same"),
    ("list_left_behind", "one sweeper looks for what any tenant's server left behind"),
    ("last_application_events", "one reader looks after all watched feeds"),
    ("tenant_of_bot", "the directory: a bot's id is looked up before its tenant is known"),
];

fn name(text: &Text) -> &str {
    text.sql.lines().next().unwrap().trim_start_matches("--").trim()
}

fn tokens(sql: &str) -> Vec<Token> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().unwrap_or_else(|error| panic!("{error}: {sql}"));
    tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect()
}

#[test]
fn whatever_touches_a_tenants_table_asks_for_its_tenant() {
    let tables = tenant_tables();
    assert!(tables.len() >= 16 && tables.contains("customers") && tables.contains("tenant_channels"), "{tables:?}");
    let mut touching = 0;
    let mut found = BTreeMap::new();
    for text in texts() {
        let tree = tree(&tokens(&text.sql));
        let (levels, complaints) = complaints(&tree, &tables);
        touching += levels;
        if !complaints.is_empty() {
            found.insert(format!("{} ({})", name(&text), text.file), complaints);
        }
    }
    println!("{touching} levels touch a tenant's table");
    assert!(touching > 110, "{touching} levels");
    for (exception, why) in EXCEPTIONS {
        let before = found.len();
        found.retain(|statement, _| !statement.starts_with(&format!("{exception} ")));
        assert_eq!(found.len() + 1, before, "{exception} is no exception any more: {why}");
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_statement_has_a_name_names_its_columns_and_uses_what_is_bound() {
    let texts = texts();
    assert!(texts.len() > 110, "{} statements", texts.len());
    let mut names: BTreeMap<&str, Vec<&Text>> = BTreeMap::new();
    for text in &texts {
        names.entry(name(text)).or_default().push(text);
        let is_name = |ch: char| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '_';
        assert!(name(text).chars().all(is_name), "{}: {}", text.file, name(text));
        let tokens = tokens(&text.sql);
        let bound: BTreeSet<usize> = tokens
            .iter()
            .filter_map(|token| match token {
                Token::Placeholder(number) => Some(number.trim_start_matches('$').parse().unwrap()),
                _ => None,
            })
            .collect();
        assert!(bound.iter().copied().eq(1..=bound.len()), "{} of {}: {bound:?}", name(text), text.file);
        // A CTE has named its columns.
        let word = |token: &Token, expected: &[&str]| matches!(token, Token::Word(word) if expected.contains(&word.value.to_lowercase().as_str()));
        let all = tokens.windows(4).any(|four| match four {
            [select, Token::Mul, _, table] if word(select, &["select"]) => !word(table, &["listed"]),
            [of, Token::Period, Token::Mul, _] => !word(of, &["keyed", "page"]),
            _ => false,
        });
        // The rows that it ends are put back whole, in what is left of their time.
        let all = all && name(text) != "end_replaced_prices";
        assert!(!all, "{} of {} takes whatever columns there are", name(text), text.file);
    }
    names.retain(|_, texts| texts.len() > 1);
    let twice: Vec<_> =
        names.iter().map(|(name, texts)| (name, texts.iter().map(|text| &text.file).collect::<Vec<_>>())).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn no_statement_is_without_its_name_or_put_together_at_run_time() {
    let is_statement = |text: &str| {
        let first = text.split_whitespace().next().unwrap_or_default();
        ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "SET", "BEGIN", "TRUNCATE", "COPY"].contains(&first)
            && text.split_whitespace().count() > 1
    };
    let mut found: Vec<String> = sources::literals()
        .into_iter()
        .filter(|text| is_statement(&text.sql))
        .map(|text| format!("{}: {}", text.file, text.sql.lines().next().unwrap()))
        .collect();
    found.sort();
    assert_eq!(found, NAMELESS, "a statement begins with its name, and its values are bound");
}

#[test]
fn whoever_names_an_attribute_of_a_pattern_names_them_all_in_one_order() {
    let all: Vec<&str> = Attributes::FIELDS.iter().map(|field| field.name).collect();
    let schema = include_str!("../../migrations/schema.sql");
    let schema = schema.split("\nCREATE ").map(|sql| ("schema.sql".to_owned(), sql.to_owned()));
    let mut statements = 0;
    for (file, sql) in texts().into_iter().map(|text| (text.file, text.sql)).chain(schema) {
        let tokens = tokens(&sql);
        let words = tokens.iter().filter_map(|token| match token {
            Token::Word(word) => Some(word.value.as_str()),
            _ => None,
        });
        let mut named: Vec<&str> = words.filter(|word| all.contains(word)).collect();
        // "borders = s.borders" is one mention.
        named.dedup();
        assert!(named.chunks(all.len()).all(|mention| mention == all), "{file}: {named:?} in {sql}");
        statements += usize::from(!named.is_empty());
    }
    assert!(statements >= 12, "{statements} statements");
}

/// What may go without: settings, which take no parameters, the pool's own question, and COPY, which is no query.
const NAMELESS: &[&str] = &[
    "src/db/api_keys/reader.rs: BEGIN READ ONLY; SET LOCAL search_path = public; SET LOCAL app.checks_api_keys = 'on'",
    "src/db/merge/staging.rs: COPY staged_issues FROM STDIN (FORMAT binary)",
    "src/db/merge/staging.rs: COPY staged_rows FROM STDIN (FORMAT binary)",
    "src/db/pool.rs: SELECT 1",
    "src/db/transaction.rs: BEGIN {access}; SET LOCAL search_path = public; SET LOCAL statement_timeout = {timeout}",
    "src/db/transaction.rs: SET LOCAL app.current_tenant_id = ''",
    "src/db/transaction.rs: SET LOCAL app.current_tenant_id = '{id}'",
];
