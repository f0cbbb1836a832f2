//! What a script does to rows, as far as its text tells.

use sqlparser::ast::{
    CascadeOption, Delete, FromTable, ObjectName, Statement as Ast, TableFactor, TableWithJoins, Update,
    UpdateTableFromKind,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use crate::statements::{self, Statement};

/// What a statement does. `count` is SQL that counts the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    Delete {
        table: String,
        count: String,
        statement: String,
    },
    Overwrite {
        table: String,
        count: String,
        statement: String,
    },
    /// TRUNCATE; `cascade`: of all tables that refer to it, too.
    Empty {
        table: String,
        cascade: bool,
        statement: String,
    },
    Unforeseen {
        statement: String,
    },
}

/// The effects of a script's statements, in their order. One that is no SQL has none: it will be refused.
pub(super) fn of(sql: &str) -> Vec<Effect> {
    let statements = statements::split(sql).unwrap_or_default();
    // What a statement sees of the rows may be another thing then.
    let secures = statements.iter().any(|statement| statement.text().contains("ROW LEVEL SECURITY"));
    let unsure = |effect| match effect {
        Effect::Delete { statement, .. } | Effect::Overwrite { statement, .. } if secures => {
            Effect::Unforeseen { statement }
        }
        effect => effect,
    };
    statements.iter().flat_map(effects).map(unsure).collect()
}

fn effects(statement: &Statement<'_>) -> Vec<Effect> {
    let unforeseen = || vec![Effect::Unforeseen { statement: statement.summary() }];
    match statement.first() {
        "DELETE" | "UPDATE" | "TRUNCATE" => read(statement).unwrap_or_else(unforeseen),
        "MERGE" | "CALL" => unforeseen(),
        // Blocks of code and queries with others inside.
        "DO" | "WITH" | "INSERT" | "SELECT" | "EXPLAIN" | "EXECUTE" | "COPY"
            if changes_rows(&statement.text()) || calls(&statement.text()) =>
        {
            unforeseen()
        }
        _ => Vec::new(),
    }
}

/// None: not understood.
fn read(statement: &Statement<'_>) -> Option<Vec<Effect>> {
    let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, statement.sql).ok()?;
    let summary = statement.summary();
    match (parsed.pop()?, parsed.is_empty()) {
        (Ast::Delete(Delete { from, using, selection, .. }), true) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = from;
            let [target] = &from[..] else { return None };
            let (table, count) = counting(target, &using.unwrap_or_default(), selection.map(|it| it.to_string()))?;
            Some(vec![Effect::Delete { table, count, statement: summary }])
        }
        (Ast::Update(Update { table: target, from, selection, .. }), true) => {
            let from = match from {
                Some(UpdateTableFromKind::AfterSet(from) | UpdateTableFromKind::BeforeSet(from)) => from,
                None => Vec::new(),
            };
            let (table, count) = counting(&target, &from, selection.map(|it| it.to_string()))?;
            Some(vec![Effect::Overwrite { table, count, statement: summary }])
        }
        (Ast::Truncate(truncate), true) => {
            let cascade = matches!(truncate.cascade, Some(CascadeOption::Cascade));
            let empty =
                |name: &ObjectName| Effect::Empty { table: name.to_string(), cascade, statement: summary.clone() };
            Some(truncate.table_names.iter().map(|target| empty(&target.name)).collect())
        }
        _ => None,
    }
}

/// The table that rows are taken from, and SQL that counts those that a condition holds for.
fn counting(
    target: &TableWithJoins,
    besides: &[TableWithJoins],
    condition: Option<String>,
) -> Option<(String, String)> {
    let TableFactor::Table { name, alias, .. } = &target.relation else { return None };
    let called = match alias {
        Some(alias) => alias.name.to_string(),
        None => name.0.last()?.to_string(),
    };
    // A row that several others ask for goes once.
    let rows = if besides.is_empty() { "*".to_owned() } else { format!("DISTINCT ({called}.tableoid, {called}.ctid)") };
    let from: Vec<String> = std::iter::once(target).chain(besides).map(ToString::to_string).collect();
    let condition = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
    Some((name.to_string(), format!("SELECT count({rows}) FROM {}{condition}", from.join(", "))))
}

/// Whether a text that runs as code names a statement that deletes or overwrites.
fn changes_rows(code: &str) -> bool {
    let code = code.to_uppercase();
    let words: Vec<&str> =
        code.split(|ch: char| !ch.is_alphanumeric() && ch != '_').filter(|word| !word.is_empty()).collect();
    let mut before = "";
    words.iter().any(|word| {
        // `FOR UPDATE`, `FOR NO KEY UPDATE` and `ON DELETE` do neither.
        let does =
            matches!(*word, "DELETE" | "UPDATE" | "TRUNCATE" | "MERGE") && !matches!(before, "FOR" | "KEY" | "ON");
        before = *word;
        does
    })
}

/// Whether a query or a block's PERFORM begins with a call of a function that is not known to leave rows alone.
fn calls(code: &str) -> bool {
    let harmless = ["SETVAL", "NEXTVAL", "SET_CONFIG", "GREATEST", "COALESCE", "MAX", "MIN", "COUNT", "FORMAT"];
    let code = code.to_uppercase().replace('(', " ( ");
    let words: Vec<&str> = code.split_whitespace().collect();
    words.windows(3).any(|window| {
        matches!(window, ["SELECT" | "PERFORM", function, "("] if !harmless.contains(function) && *function != "DISTINCT")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(sql: &str) -> Vec<String> {
        let tell = |effect| match effect {
            Effect::Delete { table, count, .. } => format!("delete {table}: {count}"),
            Effect::Overwrite { table, count, .. } => format!("overwrite {table}: {count}"),
            Effect::Empty { table, .. } => format!("empty {table}"),
            Effect::Unforeseen { statement } => format!("? {statement}"),
        };
        of(sql).into_iter().map(tell).collect()
    }

    #[test]
    fn statements_become_counts() {
        assert_eq!(
            describe("-- why\nDELETE FROM \"Test A\" WHERE id > 3; DROP TABLE b; UPDATE c SET d = 1;"),
            ["delete \"Test A\": SELECT count(*) FROM \"Test A\" WHERE id > 3", "overwrite c: SELECT count(*) FROM c"]
        );
        assert_eq!(
            describe("DELETE FROM a AS x USING b WHERE x.id = b.id"),
            ["delete a: SELECT count(DISTINCT (x.tableoid, x.ctid)) FROM a AS x, b WHERE x.id = b.id"]
        );
        assert_eq!(
            describe("UPDATE public.a SET c = b.c FROM b WHERE a.id = b.id"),
            ["overwrite public.a: SELECT count(DISTINCT (a.tableoid, a.ctid)) FROM public.a, b WHERE a.id = b.id"]
        );
        assert_eq!(describe("TRUNCATE TABLE a, b CASCADE"), ["empty a", "empty b"]);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for sql in [
            "DO $$ BEGIN DELETE FROM a; END $$",
            "DO $$ BEGIN EXECUTE 'update a set b = 1'; END $$",
            "WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone",
            "INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET b = 2",
            "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE",
            "CALL tidy()",
            "SELECT tidy()",
            "DO $$ BEGIN PERFORM tidy(); END $$",
            "EXPLAIN ANALYZE DELETE FROM a",
            "ALTER TABLE a NO FORCE ROW LEVEL SECURITY; DELETE FROM a",
        ] {
            assert!(matches!(of(sql)[..], [Effect::Unforeseen { .. }]), "{sql}");
        }
        for sql in [
            "DO $$ BEGIN PERFORM 1 FROM a FOR UPDATE; END $$",
            "DO $$ BEGIN PERFORM setval('s', 1); END $$",
            "SELECT setval('s', 1)",
            "INSERT INTO a SELECT max(id) FROM b",
            "INSERT INTO a SELECT 1 ON CONFLICT DO NOTHING",
            "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c ON DELETE CASCADE",
            "CREATE POLICY p ON a FOR UPDATE USING (true)",
            "GRANT UPDATE, DELETE ON a TO b",
            "COMMENT ON TABLE a IS 'DELETE FROM a'",
        ] {
            assert_eq!(of(sql), [], "{sql}");
        }
    }
}
