//! A migration's SQL taken apart: where one statement ends, and whether it may run outside of a transaction.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// The first line of a migration whose statements run one by one, each on its own.
const NO_TRANSACTION: &str = "-- no-transaction";

const LOCKS: &str = "takes a lock that everybody has to wait for: say CONCURRENTLY (or leave FULL out)";
const NO_NEED: &str = "belongs into a transaction: move it to a migration of its own (outside of one there are only CREATE \
                       and DROP INDEX CONCURRENTLY, ALTER TYPE … ADD VALUE, VACUUM and ANALYZE)";

/// Statements are told by as much of them.
const SUMMARY: usize = 70;

/// Whether a migration asks for its statements to run outside of a transaction.
pub(crate) fn is_no_transaction(sql: &str) -> bool {
    sql.lines().next().is_some_and(|line| line.trim_end() == NO_TRANSACTION)
}

/// One statement, without its semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement<'a> {
    pub sql: &'a str,
    /// Its words and signs, without space and comments; unquoted words in capitals.
    tokens: Vec<String>,
}

/// The statements of a script, in order; an empty script has none.
///
/// # Errors
/// What is not SQL, in words (a string or comment without an end).
pub(crate) fn split(sql: &str) -> Result<Vec<Statement<'_>>, String> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql)
        .with_unescape(false)
        .tokenize_with_location()
        .map_err(|error| error.to_string())?;
    let mut statements = Vec::new();
    let (mut begin, mut words) = (0, Vec::new());
    for TokenWithSpan { token, span } in tokens {
        match token {
            Token::SemiColon => {
                let end = offset(sql, span.start);
                push(&mut statements, sql.get(begin..end), std::mem::take(&mut words));
                begin = end + 1;
            }
            Token::Whitespace(_) => {}
            Token::Word(word) if word.quote_style.is_none() => words.push(word.value.to_uppercase()),
            other => words.push(other.to_string()),
        }
    }
    push(&mut statements, sql.get(begin..), words);
    Ok(statements)
}

fn push<'a>(statements: &mut Vec<Statement<'a>>, sql: Option<&'a str>, tokens: Vec<String>) {
    if let Some(sql) = sql.filter(|_| !tokens.is_empty()) {
        statements.push(Statement { sql: sql.trim(), tokens });
    }
}

/// Where a place given as line and column, which count characters from 1, is in bytes.
fn offset(sql: &str, place: Location) -> usize {
    let line = usize::try_from(place.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let column = usize::try_from(place.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let begin: usize = sql.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = sql.get(begin..).unwrap_or_default();
    begin + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}

impl Statement<'_> {
    /// Its first word, in capitals.
    pub(crate) fn first(&self) -> &str {
        self.tokens.first().map_or("", String::as_str)
    }

    /// All of it but comments; unquoted words in capitals.
    pub(crate) fn text(&self) -> String {
        self.tokens.join(" ")
    }

    /// Why it must not run on its own, outside of a transaction; none if it may. It waits there for as long as it takes, so
    /// nobody may have to wait for it or behind it; and a run that was killed after it runs it again.
    pub(crate) fn unfit_alone(&self) -> Option<&'static str> {
        let has = |words: &[&str]| self.tokens.windows(words.len()).any(|window| window == words);
        let repeatable = match self.first() {
            "ANALYZE" => true,
            "VACUUM" if has(&["FULL"]) => return Some(LOCKS),
            "VACUUM" => true,
            "CREATE" | "DROP" if has(&["INDEX"]) => {
                if !has(&["INDEX", "CONCURRENTLY"]) {
                    return Some(LOCKS);
                }
                has(&["CONCURRENTLY", "IF", "NOT", "EXISTS"]) || has(&["CONCURRENTLY", "IF", "EXISTS"])
            }
            "ALTER" if has(&["ADD", "VALUE"]) => has(&["ADD", "VALUE", "IF", "NOT", "EXISTS"]),
            _ => return Some(NO_NEED),
        };
        (!repeatable).then_some("cannot be repeated after a run that was killed: say IF [NOT] EXISTS")
    }

    /// The index that it builds concurrently, and of which table, as SQL spells them: a killed build leaves an invalid one.
    pub(crate) fn index_built(&self) -> Option<(String, String)> {
        let mut tokens = self.tokens.iter().map(String::as_str).filter(|token| !matches!(*token, "UNIQUE" | "ONLY"));
        for expected in ["CREATE", "INDEX", "CONCURRENTLY", "IF", "NOT", "EXISTS"] {
            if tokens.next() != Some(expected) {
                return None;
            }
        }
        let index: String = tokens.by_ref().take_while(|token| *token != "ON").map(fold).collect();
        let table: String = tokens.take_while(|token| !matches!(*token, "(" | "USING")).map(fold).collect();
        (!index.is_empty() && !table.is_empty()).then_some((index, table))
    }

    /// Its beginning, for messages.
    pub(crate) fn summary(&self) -> String {
        let text = self.text();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.chars().count() <= SUMMARY {
            return words;
        }
        words.chars().take(SUMMARY).chain(['…']).collect()
    }
}

/// An unquoted name is in lower case to PostgreSQL.
fn fold(token: &str) -> String {
    if token.starts_with('"') { token.to_owned() } else { token.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        split(sql).unwrap().into_iter().map(|statement| statement.sql).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_only_where_it_stands_free() {
        let one = "SELECT 'a;''b', E'\\';', \"c;d\", $$ e; $$, $f$ $$;g $f$ /* h; /* i; */ */ -- j;\n FROM жизнь";
        assert_eq!(texts(one), [one]);
        assert_eq!(texts("-- да;\nSELECT 'ё;';;\n  SELECT 2 ; -- the end"), ["-- да;\nSELECT 'ё;'", "SELECT 2"]);
        assert_eq!(texts("-- nothing;\n"), [""; 0]);
        assert!(split("SELECT 'open").is_err());
    }

    #[test]
    fn what_runs_alone_can_be_repeated_and_holds_nobody_up() {
        let unfit = |sql| split(sql).unwrap()[0].unfit_alone();
        for sql in [
            "create index concurrently if not exists a on b (c)",
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a ON b (c)",
            "DROP INDEX CONCURRENTLY IF EXISTS a",
            "ALTER TYPE a ADD VALUE IF NOT EXISTS 'b'",
            "VACUUM (ANALYZE) a",
            "ANALYZE a",
        ] {
            assert_eq!(unfit(sql), None, "{sql}");
        }
        for (sql, why) in [
            ("CREATE INDEX CONCURRENTLY a ON b (c)", "repeated"),
            ("DROP INDEX CONCURRENTLY a", "repeated"),
            ("ALTER TYPE a ADD VALUE 'IF NOT EXISTS'", "repeated"),
            ("CREATE INDEX IF NOT EXISTS a ON b (c)", "CONCURRENTLY"),
            ("DROP INDEX IF EXISTS a", "CONCURRENTLY"),
            ("VACUUM FULL a", "FULL"),
            ("VACUUM (FULL, ANALYZE) a", "FULL"),
            ("UPDATE a SET b = 'IF NOT EXISTS'", "transaction"),
            ("REINDEX INDEX CONCURRENTLY a", "transaction"),
            ("ALTER TABLE a ADD COLUMN IF NOT EXISTS b int", "transaction"),
            ("CREATE TABLE IF NOT EXISTS a ()", "transaction"),
        ] {
            assert!(unfit(sql).is_some_and(|unfit| unfit.contains(why)), "{sql}: {:?}", unfit(sql));
        }
    }

    #[test]
    fn the_index_that_is_built() {
        let built = |sql| split(sql).unwrap()[0].index_built();
        let of = |index: &str, table: &str| Some((index.to_owned(), table.to_owned()));
        let sql = "-- why\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"By Name\" ON crm.\"T\" USING btree (a)";
        assert_eq!(built(sql), of("\"By Name\"", "crm.\"T\""));
        assert_eq!(built("create index concurrently if not exists By_Name on only t (a)"), of("by_name", "t"));
        assert_eq!(built("DROP INDEX CONCURRENTLY IF EXISTS a"), None);
    }

    #[test]
    fn the_first_line_asks_for_no_transaction() {
        assert!(is_no_transaction("-- no-transaction\nVACUUM a"));
        assert!(!is_no_transaction("-- why\n-- no-transaction\n"));
    }
}
