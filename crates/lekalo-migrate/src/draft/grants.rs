//! Grants as statements: where a drafted migration gets them wrong, they are mended.

use crate::schema::Snapshot;

/// Statements that mend the grants in which a database still differs from what is expected.
pub(super) fn mending(found: &Snapshot, expected: &Snapshot) -> Vec<String> {
    let is_grant = |name: &&String| name.starts_with("grant ");
    let missing = expected.objects.keys().filter(is_grant).filter(|name| !found.has(name));
    let granted = missing.filter_map(|name| {
        let option = expected.objects.get(name)?.properties.contains_key("grant option");
        let option = if option { " WITH GRANT OPTION" } else { "" };
        Some(format!("GRANT {}{option}", grant(name, "TO")?))
    });
    let unknown = found.objects.keys().filter(is_grant).filter(|name| !expected.has(name));
    let revoked = unknown.filter_map(|name| Some(format!("REVOKE {}", grant(name, "FROM")?)));
    revoked.chain(granted).collect()
}

/// `SELECT ON TABLE orders TO reader` of `grant SELECT on table orders to reader`.
fn grant(name: &str, preposition: &str) -> Option<String> {
    let (privilege, rest) = name.strip_prefix("grant ")?.split_once(" on ")?;
    let (target, role) = rest.rsplit_once(" to ")?;
    let target = target.strip_prefix("materialized ").or(target.strip_prefix("foreign ")).unwrap_or(target);
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

#[cfg(test)]
mod tests {
    use super::grant;

    #[test]
    fn a_grant_is_a_statement() {
        let statement = |name| grant(name, "TO").unwrap_or_default();
        assert_eq!(statement("grant SELECT on table orders to reader"), "SELECT ON orders TO reader");
        assert_eq!(statement("grant UPDATE on column a.\"b c\" to PUBLIC"), "UPDATE (\"b c\") ON a TO PUBLIC");
        assert_eq!(statement("grant USAGE on sequence a_id_seq to x"), "USAGE ON SEQUENCE a_id_seq TO x");
        assert_eq!(statement("grant EXECUTE on function f(integer) to x"), "EXECUTE ON FUNCTION f(integer) TO x");
        assert_eq!(statement("grant SELECT on table orders to its owner"), "");
        assert_eq!(statement("grant USAGE on enum colour to x"), "");
    }
}
