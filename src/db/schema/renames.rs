//! What goes and comes under another name: a table or column that a person has to be asked about, and what only follows.

use std::collections::BTreeSet;

use super::{Object, Snapshot};

/// A table or column that may be the same under another name. Names as SQL spells them, a column's table as it is called
/// before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rename {
    /// `full`: with its schema, where that is not `public`.
    Table {
        from: String,
        to: String,
        full: String,
    },
    Column {
        table: String,
        from: String,
        to: String,
        from_type: String,
        to_type: String,
    },
}

impl Rename {
    /// What would be gone otherwise: `patterns`, `patterns.notes`.
    pub fn gone(&self) -> String {
        match self {
            Self::Table { from, .. } => from.clone(),
            Self::Column { table, from, .. } => format!("{table}.{from}"),
        }
    }

    /// What it is called afterwards: `cuts`, `remarks`.
    pub fn to(&self) -> &str {
        match self {
            Self::Table { full: to, .. } | Self::Column { to, .. } => to,
        }
    }

    /// Whether both cannot be true.
    pub fn contradicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Table { from, full, .. }, Self::Table { from: other_from, full: other_full, .. }) => {
                from == other_from || full == other_full
            }
            (
                Self::Column { table, from, to, .. },
                Self::Column { table: other, from: other_from, to: other_to, .. },
            ) => table == other && (from == other_from || to == other_to),
            _ => false,
        }
    }

    /// The statement, and the one that takes it back.
    pub fn statements(&self) -> (String, String) {
        match self {
            Self::Table { from, to, full } => {
                let back = from.rsplit_once('.').map_or(from.as_str(), |(_, bare)| bare);
                (format!("ALTER TABLE {from} RENAME TO {to}"), format!("ALTER TABLE {full} RENAME TO {back}"))
            }
            Self::Column { table, from, to, .. } => {
                let rename = |from, to| format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}");
                (rename(from, to), rename(to, from))
            }
        }
    }
}

/// Tables that go while others come to the same schema, and whether each pair looks like one table: whether it has at least
/// half of the columns, by name and type.
pub fn tables(before: &Snapshot, after: &Snapshot) -> Vec<(Rename, bool)> {
    let columns = |snapshot: &Snapshot, table: &str| -> BTreeSet<(String, String)> {
        let of_table = snapshot.columns().filter(|(owner, ..)| *owner == table);
        of_table.map(|(_, name, kind)| (name.to_owned(), kind.to_owned())).collect()
    };
    let come: Vec<&str> = only_in(after, before).collect();
    let pairs = only_in(before, after).flat_map(|from| {
        let old = columns(before, from);
        let others = come.iter().filter(move |to| schema_of(to) == schema_of(from));
        others.map(move |to| {
            let new = columns(after, to);
            let alike = old.intersection(&new).count() * 2 >= old.len().min(new.len()).max(1);
            let bare = to.rsplit_once('.').map_or(*to, |(_, bare)| bare);
            (Rename::Table { from: from.to_owned(), to: bare.to_owned(), full: (*to).to_owned() }, alike)
        })
    });
    pairs.collect()
}

/// Nothing for `public`, which names leave out.
fn schema_of(name: &str) -> Option<&str> {
    name.split_once('.').map(|(schema, _)| schema)
}

fn only_in<'a>(one: &'a Snapshot, other: &Snapshot) -> impl Iterator<Item = &'a str> {
    let there: BTreeSet<&str> = other.tables().collect();
    one.tables().filter(move |table| !there.contains(table)).collect::<Vec<_>>().into_iter()
}

/// Columns that go while another comes to the same table, those of the same type first. A partition's follow its table's.
pub fn columns(before: &Snapshot, after: &Snapshot, tables: &[Rename]) -> Vec<Rename> {
    let mut renames = Vec::new();
    let is_part = |table: &&str| {
        let object = before.objects.get(&format!("table {table}"));
        object.is_some_and(|object| ["partition", "inheritance"].iter().any(|it| object.properties.contains_key(*it)))
    };
    for table in before.tables().filter(|table| !is_part(table)) {
        let renamed = tables.iter().find(|rename| rename.gone() == table).map_or(table, Rename::to);
        let of = |snapshot: &Snapshot, table: &str| -> Vec<(String, String)> {
            let columns = snapshot.columns().filter(|(owner, ..)| *owner == table);
            columns.map(|(_, name, kind)| (name.to_owned(), kind.to_owned())).collect()
        };
        let (old, new) = (of(before, table), of(after, renamed));
        let missing_in = |columns: &[(String, String)], name: &str| !columns.iter().any(|(other, _)| other == name);
        let come: Vec<_> = new.iter().filter(|(name, _)| missing_in(&old, name)).collect();
        for (from, from_type) in old.iter().filter(|(name, _)| missing_in(&new, name)) {
            renames.extend(come.iter().map(|(to, to_type)| Rename::Column {
                table: table.to_owned(),
                from: from.clone(),
                to: to.clone(),
                from_type: from_type.clone(),
                to_type: to_type.clone(),
            }));
        }
    }
    renames.sort_by_key(|rename| match rename {
        Rename::Column { from_type, to_type, .. } => from_type != to_type,
        Rename::Table { .. } => false,
    });
    renames
}

/// Constraints, indexes and sequences that differ from one to come by nothing but their name: what follows a table or column
/// that is renamed. Statements, and those that take them back.
pub fn followers(before: &Snapshot, after: &Snapshot) -> Vec<(String, String)> {
    let mut taken = BTreeSet::new();
    let mut statements = Vec::new();
    for (name, object) in before.objects.iter().filter(|(name, _)| !after.objects.contains_key(*name)) {
        let Some(old) = Follower::new(name, object) else { continue };
        let come =
            after.objects.iter().filter(|(name, _)| !before.objects.contains_key(*name)).find_map(|(name, object)| {
                let new = Follower::new(name, object)?;
                (new.is_like(&old) && !taken.contains(name)).then_some((name, new))
            });
        if let Some((name, new)) = come {
            taken.insert(name);
            statements.push((old.rename_to(&new), new.rename_to(&old)));
        }
    }
    statements
}

const KINDS: [&str; 7] =
    ["check", "foreign key", "primary key", "unique constraint", "exclusion constraint", "index", "sequence"];

/// Something of a table that has a name of its own.
struct Follower<'a> {
    kind: &'a str,
    table: &'a str,
    name: &'a str,
    object: &'a Object,
}

impl<'a> Follower<'a> {
    fn new(full_name: &'a str, object: &'a Object) -> Option<Self> {
        let (kind, name) =
            KINDS.iter().find_map(|kind| Some((*kind, full_name.strip_prefix(kind)?.strip_prefix(' ')?)))?;
        let table = match &object.parent {
            // A sequence of its own, which columns may use all the same.
            None if kind == "sequence" => "",
            parent => parent.as_deref()?.strip_prefix("table ")?,
        };
        let name = match kind {
            "index" | "sequence" => name,
            _ => name.strip_suffix(table)?.strip_suffix(" on ")?,
        };
        // One of another schema cannot be called by its name alone.
        (!name.contains('.')).then_some(Self { kind, table, name, object })
    }

    fn is_like(&self, other: &Self) -> bool {
        let nameless = |follower: &Self| {
            let mut properties = follower.object.properties.clone();
            if let Some(definition) = properties.get_mut("definition").filter(|_| follower.kind == "index") {
                *definition = definition.replacen(&format!(" {} ON ", follower.name), " ON ", 1);
            }
            properties
        };
        self.kind == other.kind && self.table == other.table && nameless(self) == nameless(other)
    }

    fn rename_to(&self, new: &Self) -> String {
        let Self { table, name, .. } = self;
        match self.kind {
            "index" => format!("ALTER INDEX {name} RENAME TO {}", new.name),
            "sequence" => format!("ALTER SEQUENCE {name} RENAME TO {}", new.name),
            _ => format!("ALTER TABLE {table} RENAME CONSTRAINT {name} TO {}", new.name),
        }
    }
}

/// Columns that a table of both gets and that have neither a default nor room for a null: none of its rows can have them.
pub fn unfillable(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let fills =
        |object: &Object| ["default", "generation", "identity"].iter().any(|it| object.properties.contains_key(*it));
    required_columns(after)
        .filter(|(name, object)| !before.objects.contains_key(*name) && before.has_parent_of(object) && !fills(object))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Columns that have another type than before, with both; but for those whose every value fits.
pub fn retyped(before: &Snapshot, after: &Snapshot) -> Vec<(String, String, String)> {
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
pub fn stricter(before: &Snapshot, after: &Snapshot) -> Vec<String> {
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
pub fn restarted(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let stays = |object: &Object| object.parent.as_ref().is_none_or(|parent| after.objects.contains_key(parent));
    let sequences = before.objects.iter().filter(|(name, object)| name.starts_with("sequence ") && stays(object));
    let gone = sequences.filter(|(name, _)| !after.objects.contains_key(*name)).map(|(name, _)| name.clone());
    let has_identity = |object: &Object| object.properties.contains_key("identity");
    let turned = required_columns(before)
        .filter(|(name, object)| after.objects.get(*name).is_some_and(|now| has_identity(now) != has_identity(object)));
    gone.chain(turned.map(|(name, _)| format!("the sequence of {name}"))).collect()
}

/// Tables that nobody guards any more, or not against their owner, and what everybody may do now.
pub fn opened(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let of = |snapshot: &Snapshot, name: &str, property: &str| {
        snapshot.objects.get(name).and_then(|object| object.properties.get(property).cloned())
    };
    let mut opened = Vec::new();
    for table in before.tables().filter(|table| after.objects.contains_key(&format!("table {table}"))) {
        let name = format!("table {table}");
        for property in ["row-level security", "row-level security for its owner"] {
            let (was, is) = (of(before, &name, property), of(after, &name, property));
            if let (true, Some(is @ ("off" | "not forced"))) = (was != is, is.as_deref()) {
                opened.push(format!("{name}: {property} is {is}"));
            }
        }
    }
    let grants = after.objects.keys().filter(|name| name.starts_with("grant ") && name.ends_with(" to PUBLIC"));
    let new = grants.filter(|name| !before.objects.contains_key(*name) && !name.contains(" on type "));
    opened.extend(new.filter(|name| !name.contains(" on function ") && !name.contains(" on enum ")).cloned());
    opened
}

/// Statements that mend the grants in which a database still differs from what is expected.
pub fn grants(found: &Snapshot, expected: &Snapshot) -> Vec<String> {
    let is_grant = |name: &&String| name.starts_with("grant ");
    let lacks = |one: &Snapshot, name: &str| !one.objects.contains_key(name);
    let missing = expected.objects.keys().filter(is_grant).filter(|name| lacks(found, name));
    let granted = missing.filter_map(|name| {
        let option = expected.objects.get(name)?.properties.contains_key("grant option");
        let option = if option { " WITH GRANT OPTION" } else { "" };
        Some(format!("GRANT {}{option}", grant(name, "TO")?))
    });
    let unknown = found.objects.keys().filter(is_grant).filter(|name| lacks(expected, name));
    let revoked = unknown.filter_map(|name| Some(format!("REVOKE {}", grant(name, "FROM")?)));
    revoked.chain(granted).collect()
}

/// `SELECT ON TABLE brands TO lekalo_app` of `grant SELECT on table brands to lekalo_app`.
fn grant(name: &str, preposition: &str) -> Option<String> {
    let (privilege, rest) = name.strip_prefix("grant ")?.split_once(" on ")?;
    let (target, role) = rest.rsplit_once(" to ")?;
    let (kind, object) = target.split_once(' ')?;
    if ["the owner", "its owner"].contains(&role) {
        return None;
    }
    match kind {
        "column" => {
            let (table, column) = object.rsplit_once('.')?;
            Some(format!("{privilege} ({column}) ON {table} {preposition} {role}"))
        }
        "table" | "view" => Some(format!("{privilege} ON {object} {preposition} {role}")),
        "sequence" | "schema" | "function" | "procedure" => {
            Some(format!("{privilege} ON {} {object} {preposition} {role}", kind.to_uppercase()))
        }
        _ => None,
    }
}

/// Columns that had room for a null and have none any more.
pub fn tightened(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let was_required = |name: &str| required_columns(before).any(|(other, _)| other == name);
    required_columns(after)
        .filter(|(name, _)| before.objects.contains_key(*name) && !was_required(name))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn required_columns(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &Object)> {
    let required = |object: &Object| object.properties.get("nullability").is_some_and(|it| it == "NOT NULL");
    let columns = snapshot.objects.iter().filter(move |(name, object)| name.starts_with("column ") && required(object));
    columns.map(|(name, object)| (name.as_str(), object))
}

impl Snapshot {
    /// By kind and name.
    pub(super) fn has(&self, object: &str) -> bool {
        self.objects.contains_key(object)
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        self.objects.keys().filter_map(|name| name.strip_prefix("table "))
    }

    fn has_parent_of(&self, object: &Object) -> bool {
        object.parent.as_ref().is_some_and(|parent| self.objects.contains_key(parent))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Tables with their columns as `name type`.
    fn snapshot(tables: &[(&str, &[&str])]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (table, columns) in tables {
            let parent = format!("table {table}");
            snapshot.objects.insert(parent.clone(), Object::default());
            for column in *columns {
                let (name, kind) = column.split_once(' ').unwrap();
                let properties = BTreeMap::from([("type".to_owned(), kind.to_owned())]);
                let object = Object { parent: Some(parent.clone()), properties };
                snapshot.objects.insert(format!("column {table}.{name}"), object);
            }
        }
        snapshot
    }

    fn told(renames: &[Rename]) -> Vec<String> {
        renames.iter().map(|rename| format!("{}:{}", rename.gone(), rename.to())).collect()
    }

    #[test]
    fn a_table_that_goes_may_be_one_that_comes_and_has_its_columns() {
        let before = snapshot(&[("a", &["id bigint", "x text", "y text"]), ("kept", &["id bigint"])]);
        let after = snapshot(&[
            ("b", &["id bigint", "x text", "z int"]),
            ("c", &["code text", "value text", "id int"]),
            ("kept", &["id bigint"]),
        ]);
        let (renames, others): (Vec<_>, Vec<_>) = tables(&before, &after).into_iter().partition(|(_, alike)| *alike);
        let only =
            |pairs: Vec<(Rename, bool)>| -> Vec<Rename> { pairs.into_iter().map(|(rename, _)| rename).collect() };
        let (renames, others) = (only(renames), only(others));
        assert_eq!((told(&renames), told(&others)), (vec!["a:b".to_owned()], vec!["a:c".to_owned()]));
        assert_eq!(told(&columns(&before, &after, &renames)), ["a.y:z"]);
        assert_eq!(told(&columns(&before, &after, &[])), [""; 0]);
    }

    #[test]
    fn a_column_that_goes_may_be_any_that_comes_of_its_type_first() {
        let before = snapshot(&[("t", &["a text", "b int", "kept text"])]);
        let after = snapshot(&[("t", &["c int", "d text", "kept text"])]);
        assert_eq!(told(&columns(&before, &after, &[])), ["t.a:d", "t.b:c", "t.a:c", "t.b:d"]);
        assert!(tables(&before, &after).is_empty());
    }
}
