//! Where two snapshots part, one line each.

use std::fmt;

use super::Snapshot;

/// Values longer than this are told from where they part.
const LONG: usize = 120;

/// One object on which a database and its migrations do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Kind and name: `column orders.notes`.
    pub object: String,
    pub change: Change,
}

/// How they do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The migrations make it, the database lacks it.
    Missing,
    /// The database has it, the migrations do not make it.
    Unknown,
    /// Both have it. `None`: nothing is said of this property.
    Differs { property: String, found: Option<String>, expected: Option<String> },
}

impl Snapshot {
    /// What differs here from what is `expected`, by kind and name. Of a table that is missing or unknown, its columns,
    /// constraints and grants are not told besides.
    pub fn differences(&self, expected: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (name, object) in &expected.objects {
            let Some(found) = self.objects.get(name) else {
                if object.parent.as_ref().is_none_or(|parent| self.objects.contains_key(parent)) {
                    differences.push(Difference { object: name.clone(), change: Change::Missing });
                }
                continue;
            };
            let mut properties: Vec<&String> = object.properties.keys().chain(found.properties.keys()).collect();
            properties.sort();
            properties.dedup();
            for property in properties {
                let (found, expected) = (found.properties.get(property), object.properties.get(property));
                if found != expected {
                    let change = Change::Differs {
                        property: property.clone(),
                        found: found.cloned(),
                        expected: expected.cloned(),
                    };
                    differences.push(Difference { object: name.clone(), change });
                }
            }
        }
        for (name, object) in &self.objects {
            let told = object.parent.as_ref().is_some_and(|parent| !expected.objects.contains_key(parent));
            if !expected.objects.contains_key(name) && !told {
                differences.push(Difference { object: name.clone(), change: Change::Unknown });
            }
        }
        differences.sort_by(|a, b| a.object.cmp(&b.object));
        differences
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = &self.object;
        let Change::Differs { property, found, expected } = &self.change else {
            let missing = self.change == Change::Missing;
            return write!(f, "{object} is {}", if missing { "missing" } else { "not known to the migrations" });
        };
        let is = if property.ends_with('s') { "are" } else { "is" };
        match (found, expected) {
            // These words say what they are about.
            (Some(found), Some(expected)) if property == "nullability" || property == "validity" => {
                write!(f, "{object}: is {found}, the migrations say {expected}")
            }
            (Some(found), Some(expected)) => {
                let (found, expected) = parting(found, expected);
                write!(f, "{object}: {property} {is} {found}, the migrations say {expected}")
            }
            (Some(found), None) => {
                write!(f, "{object}: {property} {is} {}, the migrations say none", parting(found, "").0)
            }
            (None, Some(expected)) => {
                write!(f, "{object}: has no {property}, the migrations say {}", parting(expected, "").0)
            }
            (None, None) => Ok(()),
        }
    }
}

/// Both values in one line each; long ones from a little before where they part.
fn parting(found: &str, expected: &str) -> (String, String) {
    let short = found.len().max(expected.len()) <= LONG && !found.contains('\n') && !expected.contains('\n');
    if short && found.trim() != expected.trim() {
        return (found.to_owned(), expected.to_owned());
    }
    if found.trim() == expected.trim() {
        // They differ in space around them.
        let end = |text: &str| {
            format!("{:?}", text.chars().rev().take(LONG / 4).collect::<Vec<_>>().iter().rev().collect::<String>())
        };
        return (end(found), end(expected));
    }
    let same = found.chars().zip(expected.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(LONG / 4);
    let piece = |text: &str| {
        let words: String = text.chars().skip(from).take(LONG).collect();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let before = if from > 0 { "…" } else { "" };
        let after = if text.chars().count() > from + LONG { "…" } else { "" };
        format!("{before}{words}{after}")
    };
    (piece(found), piece(expected))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Object, Snapshot};

    fn snapshot(objects: &[(&str, &str, &str)]) -> Snapshot {
        let object = |(name, parent, value): &(&str, &str, &str)| {
            let parent = Some((*parent).to_owned()).filter(|parent| !parent.is_empty());
            let properties = BTreeMap::from([("comment".to_owned(), (*value).to_owned())]);
            ((*name).to_owned(), Object { parent, properties })
        };
        Snapshot { server_major: 0, objects: objects.iter().map(object).collect() }
    }

    #[test]
    fn a_missing_table_is_told_without_its_columns() {
        let both = [
            ("table a", "", "x"),
            ("column a.id", "table a", "x"),
            ("grant SELECT on column a.id", "column a.id", "x"),
        ];
        let (full, empty) = (snapshot(&both), snapshot(&[]));
        let told = |found: &Snapshot, expected: &Snapshot| -> Vec<String> {
            found.differences(expected).iter().map(ToString::to_string).collect()
        };
        assert_eq!(told(&empty, &full), ["table a is missing"]);
        assert_eq!(told(&full, &empty), ["table a is not known to the migrations"]);
        assert_eq!(told(&full, &full), [""; 0]);
    }

    #[test]
    fn long_values_are_told_from_where_they_part() {
        let long = "слово ".repeat(100);
        let (found, expected) = (format!("{long}a\n b"), format!("{long}c d"));
        let differences = snapshot(&[("view v", "", &found)]).differences(&snapshot(&[("view v", "", &expected)]));
        let line = differences[0].to_string();
        assert!(line.chars().count() < 200 && line.contains("слово a b, the migrations say …"), "{line}");
        assert!(line.ends_with("слово c d"), "{line}");
    }
}
