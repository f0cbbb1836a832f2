//! What a change of the schema does to rows and rights that are there, which trying it on an empty database does not show.

use crate::schema::{Object, Snapshot};

/// Columns that a table of both gets and that have neither a default nor room for a null: none of its rows can have them.
pub(super) fn unfillable(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let fills =
        |object: &Object| ["default", "generation", "identity"].iter().any(|it| object.properties.contains_key(*it));
    required_columns(after)
        .filter(|(name, object)| !before.has(name) && before.has_parent_of(object) && !fills(object))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Columns that have another type than before, with both; but for those whose every value fits.
pub(super) fn retyped(before: &Snapshot, after: &Snapshot) -> Vec<(String, String, String)> {
    let columns = after.columns().filter_map(|(table, column, to)| {
        let (.., from) = before.columns().find(|other| other.0 == table && other.1 == column)?;
        (from != to && !is_wider(from, to)).then(|| (format!("{table}.{column}"), from.to_owned(), to.to_owned()))
    });
    columns.collect()
}

fn is_wider(from: &str, to: &str) -> bool {
    let varying = |kind: &str| kind.strip_prefix("character varying(")?.strip_suffix(')')?.parse::<u32>().ok();
    match (from, to) {
        ("smallint", "integer" | "bigint" | "numeric") | ("integer", "bigint" | "numeric") | ("bigint", "numeric") => {
            true
        }
        (from, "text" | "character varying") if from.starts_with("character varying") || from == "text" => true,
        (from, to) => matches!((varying(from), varying(to)), (Some(from), Some(to)) if from <= to),
    }
}

/// What rows that are there may violate: constraints and unique indexes that a table of both gets or has otherwise.
pub(super) fn stricter(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let rule = |name: &str, object: &Object| {
        let unique = name.starts_with("index ")
            && object.properties.get("definition").is_some_and(|it| it.starts_with("CREATE UNIQUE INDEX"));
        let kinds = ["check ", "foreign key ", "unique constraint ", "exclusion constraint ", "primary key "];
        unique || kinds.iter().any(|kind| name.starts_with(kind))
    };
    let differs = |name: &str, object: &Object| {
        before.objects.get(name).map(|old| old.properties.get("definition"))
            != Some(object.properties.get("definition"))
    };
    let rules = after.objects.iter().filter(|(name, object)| rule(name, object) && differs(name, object));
    rules.filter(|(_, object)| before.has_parent_of(object)).map(|(name, _)| name.clone()).collect()
}

/// Sequences that go while their table stays, or turn into an identity or come of one: where they stood is gone.
pub(super) fn restarted(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let stays = |object: &Object| object.parent.as_ref().is_none_or(|parent| after.has(parent));
    let sequences = before.objects.iter().filter(|(name, object)| name.starts_with("sequence ") && stays(object));
    let gone = sequences.filter(|(name, _)| !after.has(name)).map(|(name, _)| name.clone());
    let has_identity = |object: &Object| object.properties.contains_key("identity");
    let turned = required_columns(before)
        .filter(|(name, object)| after.objects.get(*name).is_some_and(|now| has_identity(now) != has_identity(object)));
    gone.chain(turned.map(|(name, _)| format!("the sequence of {name}"))).collect()
}

/// Tables that nobody guards any more, or not against their owner, and what everybody may do now.
pub(super) fn opened(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let of = |snapshot: &Snapshot, name: &str, property: &str| {
        snapshot.objects.get(name).and_then(|object| object.properties.get(property).cloned())
    };
    let mut opened = Vec::new();
    for table in before.tables().filter(|table| after.has(&format!("table {table}"))) {
        let name = format!("table {table}");
        for property in ["row-level security", "row-level security for its owner"] {
            let (was, is) = (of(before, &name, property), of(after, &name, property));
            if let (true, Some(is @ ("off" | "not forced"))) = (was != is, is.as_deref()) {
                opened.push(format!("{name}: {property} is {is}"));
            }
        }
    }
    // What everybody may do with a new one by default.
    let by_default = |object: &Object| {
        let kinds = ["function ", "procedure ", "aggregate ", "enum ", "domain ", "range type "];
        let parent = object.parent.as_deref().unwrap_or_default();
        kinds.iter().any(|kind| parent.starts_with(kind)) && !before.has(parent)
    };
    let grants = after.objects.iter().filter(|(name, _)| name.starts_with("grant ") && name.ends_with(" to PUBLIC"));
    let new = grants.filter(|(name, object)| !before.has(name) && !by_default(object));
    opened.extend(new.map(|(name, _)| name.clone()));
    opened
}

/// Columns that had room for a null and have none any more.
pub(super) fn tightened(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let was_required = |name: &str| required_columns(before).any(|(other, _)| other == name);
    required_columns(after)
        .filter(|(name, _)| before.has(name) && !was_required(name))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn required_columns(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &Object)> {
    let required = |object: &Object| object.properties.get("nullability").is_some_and(|it| it == "NOT NULL");
    let columns = snapshot.objects.iter().filter(move |(name, object)| name.starts_with("column ") && required(object));
    columns.map(|(name, object)| (name.as_str(), object))
}
