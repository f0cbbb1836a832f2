//! What goes and comes under another name: a table or column that a person has to be asked about, and what only follows.

use std::collections::BTreeSet;

use crate::schema::{Object, Snapshot};

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
    /// What would be gone otherwise: `orders`, `orders.notes`.
    pub fn gone(&self) -> String {
        match self {
            Self::Table { from, .. } => from.clone(),
            Self::Column { table, from, .. } => format!("{table}.{from}"),
        }
    }

    /// What it is called afterwards: `sales`, `remarks`.
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
    pub(crate) fn statements(&self) -> (String, String) {
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
pub(super) fn tables(before: &Snapshot, after: &Snapshot) -> Vec<(Rename, bool)> {
    let come: Vec<&str> = only_in(after, before).collect();
    let pairs = only_in(before, after).flat_map(|from| {
        let old = columns_of(before, from);
        let others = come.iter().filter(move |to| schema_of(to) == schema_of(from));
        others.map(move |to| {
            let new = columns_of(after, to);
            let alike = old.intersection(&new).count() * 2 >= old.len().min(new.len()).max(1);
            let bare = to.rsplit_once('.').map_or(*to, |(_, bare)| bare);
            (Rename::Table { from: from.to_owned(), to: bare.to_owned(), full: (*to).to_owned() }, alike)
        })
    });
    pairs.collect()
}

/// Name and type of each column of a table.
fn columns_of<'a>(snapshot: &'a Snapshot, table: &str) -> BTreeSet<(&'a str, &'a str)> {
    snapshot.columns().filter(|(owner, ..)| *owner == table).map(|(_, name, kind)| (name, kind)).collect()
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
pub(super) fn columns(before: &Snapshot, after: &Snapshot, tables: &[Rename]) -> Vec<Rename> {
    let mut renames = Vec::new();
    let is_part = |table: &&str| {
        let object = before.objects.get(&format!("table {table}"));
        object.is_some_and(|object| ["partition", "inheritance"].iter().any(|it| object.properties.contains_key(*it)))
    };
    for table in before.tables().filter(|table| !is_part(table)) {
        let renamed = tables.iter().find(|rename| rename.gone() == table).map_or(table, Rename::to);
        let (old, new) = (columns_of(before, table), columns_of(after, renamed));
        let missing_in =
            |columns: &BTreeSet<(&str, &str)>, name: &str| !columns.iter().any(|(other, _)| *other == name);
        let come: Vec<_> = new.iter().filter(|(name, _)| missing_in(&old, name)).collect();
        for (from, from_type) in old.iter().filter(|(name, _)| missing_in(&new, name)) {
            renames.extend(come.iter().map(|(to, to_type)| Rename::Column {
                table: table.to_owned(),
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                from_type: (*from_type).to_owned(),
                to_type: (*to_type).to_owned(),
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
pub(super) fn followers(before: &Snapshot, after: &Snapshot) -> Vec<(String, String)> {
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

    fn describe(renames: &[Rename]) -> Vec<String> {
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
        assert_eq!((describe(&renames), describe(&others)), (vec!["a:b".to_owned()], vec!["a:c".to_owned()]));
        assert_eq!(describe(&columns(&before, &after, &renames)), ["a.y:z"]);
        assert_eq!(describe(&columns(&before, &after, &[])), [""; 0]);
    }

    #[test]
    fn a_column_that_goes_may_be_any_that_comes_of_its_type_first() {
        let before = snapshot(&[("t", &["a text", "b int", "kept text"])]);
        let after = snapshot(&[("t", &["c int", "d text", "kept text"])]);
        assert_eq!(describe(&columns(&before, &after, &[])), ["t.a:d", "t.b:c", "t.a:c", "t.b:d"]);
        assert!(tables(&before, &after).is_empty());
    }
}
