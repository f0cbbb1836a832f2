//! What this crate has to be told of the program that migrates.

/// The program that migrates, as its operators and its databases know it. Names are such as SQL takes unquoted.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// What it makes for a moment, databases and folders, is called after it.
    pub name: &'static str,
    /// What its operator types before `up` and `down`; PostgreSQL shows the sessions that migrate by this name.
    pub command: &'static str,
    /// The advisory lock that lets one migrate at a time: any number, as long as every version of the program uses the same.
    pub lock: i64,
    /// The role that it serves as, without any power of its own; it gets to read which version the schema is at.
    pub role: Option<&'static str>,
    /// How its rows are kept apart, where row-level security binds the tables' owner as well.
    pub parts: Option<Parts>,
}

/// Rows that row-level security shows one part of at a time.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// The column, a bigint, that says to which part a row belongs.
    pub column: &'static str,
    /// The setting that says which part is seen, as `app.part`: whoever sets one like it decides what others see.
    pub setting: &'static str,
    /// A query for every part.
    pub all: &'static str,
}

impl Program {
    /// What the names of its own settings begin with, as `app.`.
    pub(crate) fn settings(&self) -> Option<&'static str> {
        let setting = self.parts?.setting;
        setting.get(..=setting.find('.')?)
    }
}

#[cfg(test)]
pub(crate) const PROGRAM: Program =
    Program { name: "example", command: "example migrate", lock: 1, role: Some("example_app"), parts: None };
