//! Two tenants' categories under imports, in plain Rust: what the service's answers are compared with.
//!
//! It does one row after the other what the service does by sets, and knows no SQL: patterns are told apart by all they
//! say, an import remembers what it did, and its numbers say who came later.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use lekalo::domain::import::{CleanRow, Counts, Mode, Outcome, State};
use lekalo::domain::vehicle::{BodyType, Borders, SeatRows, Steering, Trunk};
use lekalo_vehicles::Index;

/// The part of a category's patterns that REPLACE withdraws without being told to.
const PERCENT: usize = 20;

/// Everything that tells a pattern from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Car {
    pub brand: String,
    pub model: String,
    pub generation: String,
    pub years: (Option<i16>, Option<i16>),
    pub body: Option<BodyType>,
    pub steering: Option<Steering>,
    pub borders: Option<Borders>,
    pub seat_rows: Option<SeatRows>,
    pub trunk: Option<Trunk>,
    pub notes: String,
}

impl From<&CleanRow> for Car {
    fn from(row: &CleanRow) -> Self {
        Self {
            brand: row.brand.clone(),
            model: row.model.clone(),
            generation: row.generation.clone(),
            years: (row.years.from, row.years.to),
            body: row.body_type,
            steering: row.attributes.steering,
            borders: row.attributes.borders,
            seat_rows: row.attributes.seat_rows,
            trunk: row.attributes.trunk,
            notes: row.notes.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub car: Car,
    pub available: bool,
}

/// What an import did to a pattern that was there, and the write that did it, if that was not its first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub is_withdrawal: bool,
    write: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub clean: CleanRow,
    pub outcome: Outcome,
    pub pattern: Option<i64>,
    /// The place of the row that says the same.
    pub same_as: Option<usize>,
    write: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub mode: Mode,
    pub validate_only: bool,
    pub state: State,
    pub rows: Vec<Row>,
    pub changes: BTreeMap<i64, Change>,
    /// Its place among the writes, and that of its latest one.
    write: Option<usize>,
    last_write: usize,
    /// How many patterns of how many it would have withdrawn, if that was too many.
    pub refused: Option<(usize, usize)>,
    pub is_deleted: bool,
}

impl Import {
    /// One of which nothing was read.
    fn new(asked: &Asked) -> Self {
        Self {
            mode: asked.mode,
            validate_only: asked.validate_only,
            state: State::Failed,
            rows: Vec::new(),
            changes: BTreeMap::new(),
            write: None,
            last_write: 0,
            refused: None,
            is_deleted: false,
        }
    }

    /// Whether what it wrote may still be put back.
    fn stands(&self) -> bool {
        self.state == State::Succeeded && !self.is_deleted
    }

    pub fn counts(&self) -> Counts {
        let of = |outcome| self.rows.iter().filter(|row| row.outcome == outcome).count() as i64;
        Counts {
            rows_read: self.rows.len() as i64,
            created: of(Outcome::Created),
            updated: of(Outcome::Updated),
            unchanged: of(Outcome::Unchanged),
            merged: of(Outcome::Merged),
            rejected: of(Outcome::Rejected),
            headers: of(Outcome::Header),
            withdrawn: self.withdrawn().count() as i64,
        }
    }

    pub fn withdrawn(&self) -> impl Iterator<Item = i64> + '_ {
        self.changes.iter().filter(|(_, change)| change.is_withdrawal).map(|(id, _)| *id)
    }

    /// When it last touched each pattern that it created or changed.
    fn own(&self) -> impl Iterator<Item = (i64, usize)> + '_ {
        let created = self.rows.iter().filter(|row| row.outcome == Outcome::Created);
        self.changed().chain(created.filter_map(|row| Some((row.pattern?, self.place(row.write)))))
    }

    fn changed(&self) -> impl Iterator<Item = (i64, usize)> + '_ {
        self.changes.iter().map(|(id, change)| (*id, self.place(change.write)))
    }

    /// When it touched each pattern that it changed or has a row for.
    fn touched(&self) -> impl Iterator<Item = (i64, usize)> + '_ {
        self.changed().chain(self.rows.iter().filter_map(|row| Some((row.pattern?, self.place(row.write)))))
    }

    fn place(&self, write: Option<usize>) -> usize {
        write.or(self.write).unwrap_or(0)
    }
}

/// What becomes of an accepted row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Match {
    outcome: Outcome,
    pattern: Option<i64>,
    first: usize,
}

/// What is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// This many rows and withdrawals would come out otherwise.
    Outdated(usize, usize),
    /// By this import, and for this many patterns.
    Superseded(usize, usize),
    State(State),
    /// It was written, and that was not allowed.
    Written,
    /// This one was written before it, and stands.
    NotOldest(usize),
    Deleted,
}

/// What an import is asked to do.
#[derive(Debug, Clone)]
pub struct Asked {
    pub mode: Mode,
    pub validate_only: bool,
    pub allow_large: bool,
}

/// One tenant's category.
#[derive(Debug, Clone, Default)]
pub struct Shop {
    pub patterns: BTreeMap<i64, Pattern>,
    pub imports: Vec<Import>,
    writes: usize,
}

impl Shop {
    pub fn available(&self) -> impl Iterator<Item = i64> + '_ {
        self.patterns.iter().filter(|(_, pattern)| pattern.available).map(|(id, _)| *id)
    }

    /// An import that was cancelled before its turn came.
    pub fn give_up(&mut self, asked: &Asked) {
        self.imports.push(Import { state: State::Cancelled, ..Import::new(asked) });
    }

    /// Carries an import out. New patterns get the next of `ids`.
    pub fn import(&mut self, asked: &Asked, rows: Vec<CleanRow>, ids: &mut Vec<i64>) {
        let matched = self.matched(rows.iter().enumerate());
        let gone = if asked.mode == Mode::Replace { self.gone(&matched) } else { BTreeSet::new() };
        let all = self.available().count();
        let is_large = gone.len() * 100 > all * PERCENT;
        let refused = (is_large && !asked.allow_large).then_some((gone.len(), all));
        let mut import = Import { refused, ..Import::new(asked) };
        if import.refused.is_none() {
            import.rows = rows.into_iter().enumerate().map(|(at, clean)| row(clean, matched.get(&at), at)).collect();
            import.changes = changes(&matched, &gone);
            import.state = State::Validated;
            if !asked.validate_only {
                self.write(&mut import, matched, ids);
            }
        }
        self.imports.push(import);
    }

    /// Carries a preview out, or takes rejected rows in that are understood by now: `again` says how, by their place.
    pub fn apply(&mut self, at: usize, again: Vec<(usize, CleanRow)>, ids: &mut Vec<i64>) -> Result<(), Refused> {
        match self.imports[at].state {
            State::Validated => self.apply_preview(at, ids),
            State::Succeeded => {
                self.take_in(at, again, ids);
                Ok(())
            }
            state => Err(Refused::State(state)),
        }
    }

    fn apply_preview(&mut self, at: usize, ids: &mut Vec<i64>) -> Result<(), Refused> {
        let mut import = self.imports[at].clone();
        let matched = self.matched(import.rows.iter().map(|row| &row.clean).enumerate());
        let rows = import.rows.iter().enumerate().filter(|(at, previewed)| {
            let now = row(previewed.clean.clone(), matched.get(at), *at);
            (now.outcome, now.pattern, now.same_as) != (previewed.outcome, previewed.pattern, previewed.same_as)
        });
        let rows = rows.count();
        let gone = if import.mode == Mode::Replace { self.gone(&matched) } else { BTreeSet::new() };
        let patterns = gone.symmetric_difference(&import.withdrawn().collect()).count();
        if rows + patterns > 0 {
            return Err(Refused::Outdated(rows, patterns));
        }
        self.write(&mut import, matched, ids);
        self.imports[at] = import;
        Ok(())
    }

    fn take_in(&mut self, at: usize, again: Vec<(usize, CleanRow)>, ids: &mut Vec<i64>) {
        let mut import = self.imports[at].clone();
        let mut matched = self.matched(again.iter().map(|(at, row)| (*at, row)));
        if matched.is_empty() {
            return;
        }
        let write = self.next_write();
        // What the import has a pattern for already, and what it withdrew itself and nobody touched since.
        for found in matched.values_mut() {
            let own = import.rows.iter().position(|row| {
                let stands = matches!(row.outcome, Outcome::Created | Outcome::Updated | Outcome::Unchanged);
                stands && row.pattern.is_some() && row.pattern == found.pattern
            });
            if let Some(own) = own {
                (found.outcome, found.first) = (Outcome::Merged, own);
            }
        }
        for found in matched.values_mut().filter(|found| found.outcome == Outcome::Updated) {
            let id = found.pattern.unwrap();
            let Some(change) = import.changes.get(&id).filter(|change| change.is_withdrawal) else { continue };
            let place = import.place(change.write);
            let others = self.imports.iter().enumerate().filter(|(other, _)| *other != at);
            let standing = others.filter(|(_, other)| other.stands());
            let mut later = standing.flat_map(|(_, other)| other.changed().collect::<Vec<_>>());
            if !later.any(|(touched, when)| touched == id && when > place) {
                import.changes.remove(&id);
                self.patterns.get_mut(&id).unwrap().available = true;
                found.outcome = Outcome::Unchanged;
            }
        }
        let again: HashMap<_, _> = again.into_iter().collect();
        self.write_patterns(&mut matched, |at| Car::from(&again[&at]), ids);
        for (at, found) in &matched {
            if found.outcome == Outcome::Updated {
                let change = Change { is_withdrawal: false, write: Some(write) };
                import.changes.insert(found.pattern.unwrap(), change);
            }
            import.rows[*at] = Row { write: Some(write), ..row(again[at].clone(), Some(found), *at) };
        }
        import.last_write = write;
        self.writes = write;
        self.imports[at] = import;
    }

    /// Puts back what an import changed.
    pub fn revert(&mut self, at: usize) -> Result<(), Refused> {
        let import = &self.imports[at];
        if import.state != State::Succeeded {
            return Err(Refused::State(import.state));
        }
        let own: HashMap<i64, usize> = import.own().collect();
        let later = self.imports.iter().enumerate().filter(|(other, found)| *other != at && found.stands());
        let later = later.filter_map(|(other, found)| {
            let touches = found.touched().filter(|(id, when)| own.get(id).is_some_and(|place| when > place));
            let patterns: HashSet<i64> = touches.map(|(id, _)| id).collect();
            (!patterns.is_empty()).then_some((found.last_write, other, patterns.len()))
        });
        if let Some((_, other, patterns)) = later.max() {
            return Err(Refused::Superseded(other, patterns));
        }
        for row in import.rows.iter().filter(|row| row.outcome == Outcome::Created) {
            self.patterns.remove(&row.pattern.unwrap());
        }
        for (id, change) in &import.changes {
            self.patterns.get_mut(id).unwrap().available = change.is_withdrawal;
        }
        self.imports[at].state = State::Reverted;
        Ok(())
    }

    /// Discards a preview.
    pub fn cancel(&mut self, at: usize) -> Result<(), Refused> {
        match self.imports[at].state {
            State::Validated | State::Cancelled => {
                self.imports[at].state = State::Cancelled;
                Ok(())
            }
            state => Err(Refused::State(state)),
        }
    }

    /// Forgets an import, and nothing of what it did.
    pub fn delete(&mut self, at: usize, allow_succeeded: bool) -> Result<(), Refused> {
        let import = &self.imports[at];
        if import.state == State::Succeeded {
            if !allow_succeeded {
                return Err(Refused::Written);
            }
            let others = self.imports.iter().enumerate().filter(|(other, found)| *other != at && found.stands());
            let older = others.filter(|(_, other)| other.place(None) < import.last_write);
            if let Some((older, _)) = older.min_by_key(|(_, other)| other.place(None)) {
                return Err(Refused::NotOldest(older));
            }
        }
        self.imports[at].is_deleted = true;
        Ok(())
    }

    /// Accepted rows whose car the reference has; the first of those that say the same counts.
    fn matched<'r>(&self, rows: impl Iterator<Item = (usize, &'r CleanRow)>) -> BTreeMap<usize, Match> {
        let mut firsts: HashMap<Car, usize> = HashMap::new();
        let mut matched = BTreeMap::new();
        let ids: HashMap<&Car, i64> = self.patterns.iter().map(|(id, pattern)| (&pattern.car, *id)).collect();
        for (at, row) in rows.filter(|(_, row)| row.is_accepted() && is_known(row)) {
            let car = Car::from(row);
            let pattern = ids.get(&car).copied();
            let first = *firsts.entry(car).or_insert(at);
            let outcome = match pattern {
                _ if first != at => Outcome::Merged,
                None => Outcome::Created,
                Some(id) if self.patterns[&id].available => Outcome::Unchanged,
                Some(_) => Outcome::Updated,
            };
            matched.insert(at, Match { outcome, pattern, first });
        }
        matched
    }

    /// Available patterns that no row names.
    fn gone(&self, matched: &BTreeMap<usize, Match>) -> BTreeSet<i64> {
        let named: HashSet<i64> = matched.values().filter_map(|found| found.pattern).collect();
        self.available().filter(|id| !named.contains(id)).collect()
    }

    fn next_write(&self) -> usize {
        self.writes + 1
    }

    fn write(&mut self, import: &mut Import, mut matched: BTreeMap<usize, Match>, ids: &mut Vec<i64>) {
        self.write_patterns(&mut matched, |at| Car::from(&import.rows[at].clean), ids);
        for (at, found) in &matched {
            import.rows[*at].pattern = found.pattern;
        }
        for id in import.withdrawn() {
            self.patterns.get_mut(&id).unwrap().available = false;
        }
        self.writes = self.next_write();
        (import.state, import.write, import.last_write) = (State::Succeeded, Some(self.writes), self.writes);
    }

    fn write_patterns(&mut self, matched: &mut BTreeMap<usize, Match>, car: impl Fn(usize) -> Car, ids: &mut Vec<i64>) {
        for (at, found) in matched.iter_mut() {
            match found.outcome {
                Outcome::Created => {
                    // None left: the service made fewer, which the comparison tells.
                    let id = if ids.is_empty() { -(*at as i64) - 1 } else { ids.remove(0) };
                    found.pattern = Some(id);
                    self.patterns.insert(id, Pattern { car: car(*at), available: true });
                }
                Outcome::Updated => self.patterns.get_mut(&found.pattern.unwrap()).unwrap().available = true,
                _ => {}
            }
        }
        let made: HashMap<usize, Option<i64>> = matched.iter().map(|(at, found)| (*at, found.pattern)).collect();
        for found in matched.values_mut().filter(|found| found.outcome == Outcome::Merged) {
            found.pattern = found.pattern.or_else(|| made[&found.first]);
        }
    }
}

fn changes(matched: &BTreeMap<usize, Match>, gone: &BTreeSet<i64>) -> BTreeMap<i64, Change> {
    let updated = matched.values().filter(|found| found.outcome == Outcome::Updated).filter_map(|found| found.pattern);
    let change = |is_withdrawal| Change { is_withdrawal, write: None };
    updated.map(|id| (id, change(false))).chain(gone.iter().map(|id| (*id, change(true)))).collect()
}

fn row(clean: CleanRow, found: Option<&Match>, at: usize) -> Row {
    let outcome =
        if clean.is_header { Outcome::Header } else { found.map_or(Outcome::Rejected, |found| found.outcome) };
    let same_as = found.map(|found| found.first).filter(|first| *first != at);
    Row { clean, outcome, pattern: found.and_then(|found| found.pattern), same_as, write: None }
}

/// Whether the reference has the row's car.
pub fn is_known(row: &CleanRow) -> bool {
    static CARS: LazyLock<HashSet<(&str, &str)>> = LazyLock::new(|| {
        let brands = &Index::shipped().reference().brands;
        brands
            .iter()
            .flat_map(|brand| brand.models.iter().map(|model| (brand.name.as_str(), model.name.as_str())))
            .collect()
    });
    CARS.contains(&(row.brand.as_str(), row.model.as_str()))
}
