//! A statement's query levels, and which tables of each ask for their tenant.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::tokenizer::Token;

/// A token, or what stands in brackets.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Token(Token),
    Group(Vec<Node>),
}

pub fn tree(tokens: &[Token]) -> Vec<Node> {
    fn until_close(tokens: &mut std::slice::Iter<'_, Token>) -> Vec<Node> {
        let mut nodes = Vec::new();
        while let Some(token) = tokens.next() {
            match token {
                Token::LParen => nodes.push(Node::Group(until_close(tokens))),
                Token::RParen => break,
                other => nodes.push(Node::Token(other.clone())),
            }
        }
        nodes
    }
    until_close(&mut tokens.iter())
}

fn word(node: Option<&Node>) -> Option<String> {
    match node {
        Some(Node::Token(Token::Word(word))) => Some(word.value.to_lowercase()),
        _ => None,
    }
}

fn is(node: Option<&Node>, expected: &str) -> bool {
    word(node).is_some_and(|word| word == expected)
}

/// Words that end a list of tables or a condition.
const CLAUSES: &[&str] = &[
    "from",
    "where",
    "group",
    "order",
    "limit",
    "offset",
    "having",
    "returning",
    "on",
    "join",
    "left",
    "right",
    "inner",
    "cross",
    "full",
    "using",
    "set",
    "values",
    "select",
    "union",
    "except",
    "intersect",
    "for",
    "window",
    "lateral",
    "conflict",
    "do",
    "with",
    "insert",
    "update",
    "delete",
    "into",
    "natural",
];

fn is_query(nodes: &[Node]) -> bool {
    word(nodes.first()).is_some_and(|word| ["select", "with", "insert", "update", "delete", "values"].contains(&&*word))
        || matches!(nodes.first(), Some(Node::Group(inner)) if is_query(inner))
}

/// How many levels touch a tenant's table, and what is wrong with them.
pub fn complaints(statement: &[Node], tables: &BTreeSet<String>) -> (usize, Vec<String>) {
    let mut all = (0, Vec::new());
    level(statement, tables, &BTreeSet::new(), &mut all);
    all
}

/// Looks at one level and at those within it; `outer` are the names around it that have their tenant.
fn level(nodes: &[Node], tables: &BTreeSet<String>, outer: &BTreeSet<String>, all: &mut (usize, Vec<String>)) {
    // Queries that are put together are levels of their own.
    let is_set = |node: &Node| ["union", "except", "intersect"].iter().any(|set| is(Some(node), set));
    for query in nodes.split(is_set) {
        let named = tables_of(query);
        let tenants: BTreeMap<&String, &String> = named.iter().filter(|(_, table)| tables.contains(*table)).collect();
        let inserted = inserts_into(query);
        let mut kept = outer.clone();
        // What equals a kept one's tenant is kept as well.
        let equalities = equalities(query, &named);
        loop {
            let before = kept.len();
            for (one, other) in &equalities {
                for (this, that) in [(one, other), (other, one)] {
                    if let Side::Of(alias) = this
                        && (*that == Side::Given || matches!(that, Side::Of(known) if kept.contains(known)))
                    {
                        kept.insert(alias.clone());
                    }
                }
            }
            if kept.len() == before {
                break;
            }
        }
        for (alias, table) in &tenants {
            all.0 += 1;
            if !kept.contains(*alias) {
                all.1.push(format!("{table} {alias} does not ask for its tenant"));
            }
        }
        if let Some((table, problem)) = inserted.filter(|(table, _)| tables.contains(table)) {
            all.0 += 1;
            all.1.extend(problem.map(|problem| format!("{table}: {problem}")));
        }
        for node in query {
            inside(node, tables, &kept, all);
        }
    }
}

/// Levels within a node: in brackets, however deep.
fn inside(node: &Node, tables: &BTreeSet<String>, outer: &BTreeSet<String>, all: &mut (usize, Vec<String>)) {
    let Node::Group(nodes) = node else { return };
    if is_query(nodes) {
        level(nodes, tables, outer, all);
    } else {
        for node in nodes {
            inside(node, tables, outer, all);
        }
    }
}

/// The tables that a query reads or changes on its own level, by the name it gives them; those it inserts into are not.
fn tables_of(query: &[Node]) -> BTreeMap<String, String> {
    let mut tables = BTreeMap::new();
    let mut listed = false;
    for (place, node) in query.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| query.get(place));
        let this = word(Some(node));
        let distinct_from = is(before, "distinct");
        let starts = match this.as_deref() {
            Some("from") if distinct_from => false,
            Some("from" | "join" | "using") => true,
            Some("update") => !is(before, "do") && !is(before, "for") && !is(before, "key"),
            Some(word) => {
                listed &= !CLAUSES.contains(&word);
                false
            }
            None => listed && *node == Node::Token(Token::Comma),
        };
        if this.as_deref() == Some("from") && !distinct_from {
            listed = true;
        }
        if !starts {
            continue;
        }
        let Some(table) = word(query.get(place + 1)) else { continue };
        let mut alias_at = place + 2;
        if is(query.get(alias_at), "as") {
            alias_at += 1;
        }
        let alias = word(query.get(alias_at)).filter(|alias| !CLAUSES.contains(&alias.as_str()));
        tables.insert(alias.unwrap_or_else(|| table.clone()), table);
    }
    tables
}

#[derive(Debug, PartialEq)]
enum Side {
    /// A table's tenant.
    Of(String),
    /// The tenant that the transaction is for.
    Given,
}

/// Tenants that a query's conditions make equal: those that stand beside each other under AND alone.
fn equalities(query: &[Node], named: &BTreeMap<String, String>) -> Vec<(Side, Side)> {
    let mut equalities = Vec::new();
    let starts = |node: &Node| is(Some(node), "where") || is(Some(node), "on");
    for (place, _) in query.iter().enumerate().filter(|(_, node)| starts(node)) {
        let rest = &query[place + 1..];
        let ends =
            |node: &Node| word(Some(node)).is_some_and(|word| CLAUSES.contains(&word.as_str()) && word != "from");
        // DISTINCT FROM is a comparison.
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        let condition = &rest[..end];
        if condition.iter().any(|node| is(Some(node), "or")) {
            continue;
        }
        for part in condition.split(|node| is(Some(node), "and")) {
            let mut sides = part.splitn(2, |node| *node == Node::Token(Token::Eq));
            if let (Some(one), Some(other)) = (sides.next(), sides.next())
                && let (Some(one), Some(other)) = (side(one, named), side(other, named))
            {
                equalities.push((one, other));
            }
        }
    }
    equalities
}

fn side(nodes: &[Node], named: &BTreeMap<String, String>) -> Option<Side> {
    if is_given(nodes) {
        return Some(Side::Given);
    }
    match nodes {
        [_, Node::Token(Token::Period), column] if is(Some(column), "tenant_id") => {
            Some(Side::Of(word(nodes.first())?))
        }
        // Without a name it is the only table's.
        [column] if is(Some(column), "tenant_id") && named.len() == 1 => Some(Side::Of(named.keys().next()?.clone())),
        _ => None,
    }
}

/// Whether this is the transaction's tenant: bound, or, for the seed, as the transaction has set it.
fn is_given(nodes: &[Node]) -> bool {
    matches!(nodes, [Node::Token(Token::Placeholder(_))])
        || is(nodes.first(), "current_setting")
            && nodes.get(1)
                == Some(&Node::Group(vec![Node::Token(Token::SingleQuotedString("app.current_tenant_id".into()))]))
}

/// The table that a query inserts into, and what is wrong with the tenant it gives.
fn inserts_into(query: &[Node]) -> Option<(String, Option<String>)> {
    let place = query.windows(2).position(|pair| is(pair.first(), "insert") && is(pair.last(), "into"))?;
    let table = word(query.get(place + 2))?;
    let rest = &query[place + 3..];
    let columns = rest.iter().find_map(|node| match node {
        Node::Group(columns) => Some(columns),
        Node::Token(_) => None,
    })?;
    let columns: Vec<Option<String>> =
        columns.split(|node| *node == Node::Token(Token::Comma)).map(|part| word(part.first())).collect();
    let Some(column) = columns.iter().position(|column| column.as_deref() == Some("tenant_id")) else {
        return Some((table, Some("a row without its tenant".into())));
    };
    let source = rest.iter().position(|node| is(Some(node), "values") || is(Some(node), "select"))?;
    let values: Vec<Node> = if is(rest.get(source), "values") {
        match rest.get(source + 1)? {
            Node::Group(values) => values.clone(),
            Node::Token(_) => return None,
        }
    } else {
        let mut rest = &rest[source + 1..];
        if is(rest.first(), "distinct") {
            rest = &rest[if is(rest.get(1), "on") { 3 } else { 1 }..];
        }
        rest.iter().take_while(|node| !is(Some(node), "from")).cloned().collect()
    };
    let value = values.split(|node| *node == Node::Token(Token::Comma)).nth(column)?;
    // Of a table that has been asked for its tenant: that one is looked at where it is read.
    let is_copied = matches!(value, [_, Node::Token(Token::Period), name] if is(Some(name), "tenant_id"));
    let wrong = (!is_given(value) && !is_copied).then(|| format!("its tenant is {value:?}"));
    Some((table, wrong))
}
