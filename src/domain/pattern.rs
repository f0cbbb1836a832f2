//! Patterns, and whether they cover the car somebody asks about.

pub mod record;

use std::sync::Arc;

use super::vehicle::{Attributes, BodyType, Steering, Years};

/// What a shop can sew: one cut for one car.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub id: i64,
    pub brand: String,
    pub model: String,
    pub generation: String,
    pub years: Years,
    pub body_type: Option<BodyType>,
    pub attributes: Attributes,
    pub available: bool,
    pub notes: String,
}

/// What of a pattern decides whether it fits a car of its model.
#[derive(Debug, Clone, Copy)]
pub struct Cut<'a> {
    pub made_for: &'a MadeFor,
    pub steering: Option<Steering>,
}

/// The cars of its model that a pattern is for, as the price list says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MadeFor {
    pub generation: Arc<str>,
    pub years: Years,
    pub body_type: Option<BodyType>,
    /// The generation as it is compared.
    parts: Vec<String>,
}

impl MadeFor {
    pub fn new(generation: Arc<str>, years: Years, body_type: Option<BodyType>) -> Self {
        let parts = if generation.is_empty() { Vec::new() } else { parts(&generation) };
        Self { generation, years, body_type, parts }
    }
}

/// The car somebody asks about, within one model; what is not given excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub year: Option<i16>,
    pub steering: Option<Steering>,
    /// As somebody wrote it (`XV70`, `70`); empty: any.
    pub generation: String,
    pub body_type: Option<BodyType>,
}

/// What the reference knows of the model.
pub struct Known<'a> {
    /// The bodies of a generation, or of the model where the generation is empty or not known; empty: not known.
    pub bodies: &'a dyn Fn(&str) -> Vec<BodyType>,
    pub generations: &'a [Generation],
}

/// A generation of the model as the reference knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Every way to write it (`XV70`, `70`, `8`), upper case.
    pub names: Vec<String>,
    pub years: Years,
}

/// The answer to "do you have a pattern for this car?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A pattern covers what was asked.
    Found,
    /// The model has patterns, but none that surely covers what was asked.
    Possible,
    /// No pattern for that model.
    NotFound,
    /// The tenant does not sell that category.
    NotSold,
}

/// How one attribute of a pattern meets what is wanted; the order is from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Covers,
    /// It says another year, this far away, of the generation that is wanted.
    SameGeneration(u16),
    /// The pattern says nothing about it.
    Unknown,
    /// It says something else, this far away (years).
    Differs(u16),
}

/// What of the wanted car a pattern may not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    BodyType,
    Generation,
    Year,
    Steering,
}

/// Why a pattern does not surely cover the wanted car.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    pub attribute: Attribute,
    /// The price list does not say; otherwise the pattern is for another one.
    pub is_unknown: bool,
    /// For another year, but of the generation that is wanted.
    pub is_same_generation: bool,
}

/// How near a pattern is to the wanted car; the nearest is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nearness {
    fits: [Fit; 4],
    /// Among equals the one written as asked ("70") comes before another name of the same ("75").
    is_written_otherwise: bool,
}

impl Nearness {
    fn covers(&self) -> bool {
        self.fits.iter().all(|fit| *fit == Fit::Covers)
    }
}

/// Chooses among a model's available patterns, of which those of one cut stand together: the cuts that cover the wanted car, or
/// all of them, nearest first.
pub fn choose<'a, T>(
    wanted: &Wanted,
    known: &Known<'_>,
    patterns: impl IntoIterator<Item = (Cut<'a>, T)>,
) -> (Verdict, Vec<(Nearness, Cut<'a>, T)>) {
    let asked = Asked::new(wanted);
    let near = |(cut, pattern): (Cut<'a>, T)| {
        let is_written_otherwise = !cut.made_for.generation.eq_ignore_ascii_case(&wanted.generation);
        (Nearness { fits: fits(&asked, known, cut), is_written_otherwise }, cut, pattern)
    };
    let mut patterns: Vec<_> = patterns.into_iter().map(near).collect();
    patterns.sort_by_key(|(nearness, ..)| *nearness);
    let covering = patterns.iter().take_while(|(nearness, ..)| nearness.covers()).count();
    let verdict = match (covering, patterns.is_empty()) {
        (0, true) => Verdict::NotFound,
        (0, false) => Verdict::Possible,
        _ => Verdict::Found,
    };
    if covering > 0 {
        patterns.truncate(covering);
    }
    (verdict, patterns)
}

/// What keeps a pattern from covering the wanted car, most important first; nothing if it does.
pub fn mismatches(nearness: &Nearness) -> Vec<Mismatch> {
    let attributes = [Attribute::BodyType, Attribute::Generation, Attribute::Year, Attribute::Steering];
    let fits = attributes.into_iter().zip(nearness.fits);
    fits.filter(|(_, fit)| *fit != Fit::Covers)
        .map(|(attribute, fit)| Mismatch {
            attribute,
            is_unknown: fit == Fit::Unknown,
            is_same_generation: matches!(fit, Fit::SameGeneration(_)),
        })
        .collect()
}

/// What is wanted, with the generation as it is compared.
struct Asked<'a> {
    wanted: &'a Wanted,
    parts: Vec<String>,
}

impl<'a> Asked<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        let parts = if wanted.generation.is_empty() { Vec::new() } else { parts(&wanted.generation) };
        Self { wanted, parts }
    }
}

/// Most important first: another generation is another car, another body too; a steering side is another cut.
fn fits(asked: &Asked<'_>, known: &Known<'_>, cut: Cut<'_>) -> [Fit; 4] {
    [
        body_fit(asked.wanted, known, cut.made_for),
        generation_fit(asked, known, cut.made_for),
        year_fit(asked.wanted, known, cut.made_for),
        steering_fit(asked.wanted, cut.steering),
    ]
}

fn generation_fit(asked: &Asked<'_>, known: &Known<'_>, cut: &MadeFor) -> Fit {
    if asked.parts.is_empty() {
        return Fit::Covers;
    }
    if cut.parts.is_empty() {
        return Fit::Unknown;
    }
    let same = |a: &String, b: &String| {
        a == b
            || known.generations.iter().any(|generation| generation.names.contains(a) && generation.names.contains(b))
    };
    if asked.parts.iter().any(|a| cut.parts.iter().any(|b| same(a, b))) { Fit::Covers } else { Fit::Differs(1) }
}

/// A generation as written, and each of several written together ("50-55", "W210/W211"). A word without a digit is no
/// generation by itself ("Mk 2").
fn parts(generation: &str) -> Vec<String> {
    let generation = generation.trim().to_uppercase();
    let pieces = generation.split(['-', '/', ',', ' ']);
    let numbered = pieces.filter(|part| part.contains(|ch: char| ch.is_ascii_digit()));
    let mut parts: Vec<String> = numbered.map(str::to_owned).collect();
    parts.push(generation);
    parts
}

/// A pattern without years of its own has those of its generation.
fn year_fit(wanted: &Wanted, known: &Known<'_>, cut: &MadeFor) -> Fit {
    let Some(year) = wanted.year else { return Fit::Covers };
    // "до 2006" begins when the model did.
    let first = || known.generations.iter().filter_map(|generation| generation.years.from).min();
    let own = (!cut.years.is_unknown()).then(|| Years { from: cut.years.from.or_else(first), to: cut.years.to });
    if own.is_some_and(|years| years.contains(year)) {
        return Fit::Covers;
    }
    let generations = generations_of(known, cut);
    let stated = |years: &Years| !years.is_unknown();
    let spans: Vec<Years> = match own {
        Some(own) => vec![own],
        None => generations.iter().map(|generation| generation.years).filter(stated).collect(),
    };
    if spans.iter().any(|years| years.contains(year)) {
        return Fit::Covers;
    }
    let is_within = |generation: &&Generation| stated(&generation.years) && generation.years.contains(year);
    let ends = spans.iter().flat_map(|years| [years.from, years.to]).flatten();
    let distance = ends.map(|end| end.abs_diff(year)).min();
    let differs = if generations.iter().any(is_within) { Fit::SameGeneration } else { Fit::Differs };
    distance.map_or(Fit::Unknown, differs)
}

/// The generations a pattern is for: those it names, else the only one that was made in all of its years.
fn generations_of<'a>(known: &Known<'a>, cut: &MadeFor) -> Vec<&'a Generation> {
    let all = || known.generations.iter();
    if !cut.parts.is_empty() {
        return all().filter(|generation| cut.parts.iter().any(|part| generation.names.contains(part))).collect();
    }
    let (Some(from), Some(to)) = (cut.years.from, cut.years.to) else { return Vec::new() };
    let made: Vec<&Generation> =
        all().filter(|generation| generation.years.contains(from) && generation.years.contains(to)).collect();
    if made.len() == 1 { made } else { Vec::new() }
}

fn steering_fit(wanted: &Wanted, cut: Option<Steering>) -> Fit {
    match (wanted.steering, cut) {
        (None, _) | (_, Some(Steering::Both)) => Fit::Covers,
        (Some(_), None) => Fit::Unknown,
        (Some(asked), Some(cut)) if asked == cut => Fit::Covers,
        (Some(_), Some(_)) => Fit::Differs(1),
    }
}

/// A price list names the body only where it matters, so an unnamed body is the usual one of the generation.
fn body_fit(wanted: &Wanted, known: &Known<'_>, cut: &MadeFor) -> Fit {
    let Some(asked) = wanted.body_type else { return Fit::Covers };
    let cut = cut.body_type.map_or_else(|| (known.bodies)(&cut.generation), |body| vec![body]);
    let fit = |cut: BodyType| match cut {
        cut if cut == asked || cut.parent() == Some(asked) => Fit::Covers,
        cut if asked.parent() == Some(cut) => Fit::Unknown,
        _ => Fit::Differs(1),
    };
    cut.into_iter().map(fit).min().unwrap_or(Fit::Unknown)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    fn pattern(id: i64, generation: &str, years: Years, steering: Option<Steering>) -> Pattern {
        Pattern {
            id,
            brand: "toyota".into(),
            model: "camry".into(),
            generation: generation.into(),
            years,
            body_type: None,
            attributes: Attributes { steering, ..Attributes::default() },
            available: true,
            notes: String::new(),
        }
    }

    fn ids(patterns: &[Pattern]) -> Vec<i64> {
        patterns.iter().map(|pattern| pattern.id).collect()
    }

    /// The verdict, the chosen patterns, the older first among equals, and how near they are.
    fn chosen(wanted: &Wanted, known: &Known<'_>, all: Vec<Pattern>) -> (Verdict, Vec<Pattern>, Vec<Nearness>) {
        let made_for =
            |pattern: &Pattern| MadeFor::new(pattern.generation.as_str().into(), pattern.years, pattern.body_type);
        let all: Vec<(MadeFor, Pattern)> = all.into_iter().map(|pattern| (made_for(&pattern), pattern)).collect();
        let cuts =
            all.iter().map(|(made_for, pattern)| (Cut { made_for, steering: pattern.attributes.steering }, pattern));
        let (verdict, mut patterns) = super::choose(wanted, known, cuts);
        patterns.sort_by_key(|(nearness, _, pattern)| (*nearness, pattern.id));
        let nearness = patterns.iter().map(|(nearness, ..)| *nearness).collect();
        (verdict, patterns.into_iter().map(|(.., pattern)| pattern.clone()).collect(), nearness)
    }

    fn choose(wanted: &Wanted, known: &Known<'_>, all: Vec<Pattern>) -> (Verdict, Vec<Pattern>) {
        let (verdict, patterns, _) = chosen(wanted, known, all);
        (verdict, patterns)
    }

    fn unknown() -> Known<'static> {
        Known { bodies: &|_| Vec::new(), generations: &[] }
    }

    #[test]
    fn without_patterns_the_model_is_not_found() {
        assert_eq!(choose(&Wanted::default(), &unknown(), vec![]), (Verdict::NotFound, vec![]));
    }

    #[test]
    fn found_returns_only_what_covers() {
        let all = vec![
            pattern(1, "", Years::single(2001), Some(Steering::Right)),
            pattern(2, "", Years { from: Some(2000), to: Some(2003) }, Some(Steering::Both)),
            pattern(3, "", Years::single(2001), Some(Steering::Left)),
        ];
        let wanted = Wanted { year: Some(2001), steering: Some(Steering::Left), ..Wanted::default() };
        let (verdict, patterns) = choose(&wanted, &unknown(), all);
        assert_eq!((verdict, ids(&patterns)), (Verdict::Found, vec![2, 3]));
    }

    #[test]
    fn possible_returns_the_nearest_first() {
        let all = vec![
            pattern(1, "", Years::single(1995), None),
            pattern(2, "", Years::single(2010), None),
            pattern(3, "", Years::default(), None),
            pattern(4, "", Years { from: None, to: Some(2006) }, None),
        ];
        let wanted = Wanted { year: Some(2012), steering: Some(Steering::Left), ..Wanted::default() };
        let (verdict, patterns, nearness) = chosen(&wanted, &unknown(), all);
        assert_eq!((verdict, ids(&patterns)), (Verdict::Possible, vec![3, 2, 4, 1]));
        let why = |place: usize| {
            let all = mismatches(&nearness[place]);
            all.into_iter().map(|it| (it.attribute, it.is_unknown)).collect::<Vec<_>>()
        };
        assert_eq!(why(0), [(Attribute::Year, true), (Attribute::Steering, true)]);
        assert_eq!(why(1), [(Attribute::Year, false), (Attribute::Steering, true)]);
    }

    #[test]
    fn an_unknown_steering_is_not_a_promise() {
        let wanted = Wanted { steering: Some(Steering::Left), ..Wanted::default() };
        assert_eq!(choose(&wanted, &unknown(), vec![pattern(1, "", Years::default(), None)]).0, Verdict::Possible);
    }

    fn camry() -> Known<'static> {
        static GENERATIONS: LazyLock<[Generation; 2]> = LazyLock::new(generations);
        Known { bodies: &|_| vec![BodyType::Sedan], generations: &*GENERATIONS }
    }

    fn generations() -> [Generation; 2] {
        let generation = |names: &[&str], from, to| Generation {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            years: Years { from: Some(from), to: Some(to) },
        };
        [generation(&["XV50", "50", "55", "7"], 2011, 2018), generation(&["XV70", "70", "8"], 2017, 2024)]
    }

    #[test]
    fn a_generation_is_known_by_any_of_its_names() {
        let all = vec![pattern(1, "50-55", Years::default(), None), pattern(2, "70", Years::default(), None)];
        for (asked, expected) in [("xv70", 2), ("70", 2), ("55", 1), ("XV50", 1)] {
            let wanted = Wanted { generation: asked.into(), ..Wanted::default() };
            let (verdict, patterns) = choose(&wanted, &camry(), all.clone());
            assert_eq!((verdict, ids(&patterns)), (Verdict::Found, vec![expected]), "{asked}");
        }
        let wanted = Wanted { generation: "XV30".into(), ..Wanted::default() };
        assert_eq!(choose(&wanted, &camry(), all).0, Verdict::Possible);
        for together in ["W211/W212", "w211-w212", "W211, W212", "W211 W212"] {
            for (asked, verdict) in [
                ("W211", Verdict::Found),
                ("w212", Verdict::Found),
                (together, Verdict::Found),
                ("W213", Verdict::Possible),
            ] {
                let wanted = Wanted { generation: asked.into(), ..Wanted::default() };
                let found = choose(&wanted, &unknown(), vec![pattern(1, together, Years::default(), None)]);
                assert_eq!(found.0, verdict, "{asked} of {together}");
            }
        }
    }

    #[test]
    fn among_equals_the_one_written_as_asked_comes_first_then_the_older() {
        let names = ["8", "XV70", "70", "8", "70"];
        let all = || {
            let mut all: Vec<Pattern> =
                (1..).zip(names).map(|(id, name)| pattern(id, name, Years::default(), None)).collect();
            all.reverse();
            all
        };
        for (asked, expected) in [("70", [3, 5, 1, 2, 4]), ("xv70", [2, 1, 3, 4, 5]), ("", [1, 2, 3, 4, 5])] {
            let wanted = Wanted { generation: asked.into(), ..Wanted::default() };
            assert_eq!(ids(&choose(&wanted, &camry(), all()).1), expected, "{asked}");
        }
    }

    #[test]
    fn a_generation_stands_in_for_years() {
        let all = vec![pattern(1, "50-55", Years::default(), None), pattern(2, "70", Years::default(), None)];
        let wanted = Wanted { year: Some(2020), ..Wanted::default() };
        let (verdict, patterns) = choose(&wanted, &camry(), all);
        assert_eq!((verdict, ids(&patterns)), (Verdict::Found, vec![2]));

        let open = vec![pattern(1, "", Years { from: None, to: Some(2014) }, None)];
        for (year, verdict) in [(2012, Verdict::Found), (1950, Verdict::Possible)] {
            let wanted = Wanted { year: Some(year), ..Wanted::default() };
            assert_eq!(choose(&wanted, &camry(), open.clone()).0, verdict, "{year}");
        }
    }

    #[test]
    fn another_year_of_the_same_generation_is_nearer_than_another_generation() {
        let all = vec![
            pattern(1, "XV50", Years::default(), None),
            pattern(2, "", Years::default(), None),
            pattern(3, "70", Years::single(2018), None),
            pattern(4, "", Years::single(2021), None),
        ];
        let wanted = Wanted { year: Some(2019), ..Wanted::default() };
        let (verdict, patterns) = choose(&wanted, &camry(), all);
        assert_eq!((verdict, ids(&patterns)), (Verdict::Possible, vec![3, 4, 2, 1]));
    }

    #[test]
    fn an_unnamed_body_is_the_usual_one_and_a_size_is_a_part() {
        let body = |cut: Option<BodyType>| Pattern { body_type: cut, ..pattern(1, "", Years::default(), None) };
        let (medium, large) = (BodyType::MinivanMedium, BodyType::MinivanLarge);
        for (asked, cut, verdict) in [
            (BodyType::Sedan, None, Verdict::Found),
            (BodyType::Wagon, None, Verdict::Possible),
            (BodyType::Wagon, Some(BodyType::Wagon), Verdict::Found),
            (BodyType::Minivan, Some(medium), Verdict::Found),
            (medium, Some(BodyType::Minivan), Verdict::Possible),
            (medium, Some(large), Verdict::Possible),
        ] {
            let wanted = Wanted { body_type: Some(asked), ..Wanted::default() };
            assert_eq!(choose(&wanted, &camry(), vec![body(cut)]).0, verdict, "{asked} of {cut:?}");
        }
        let wanted = Wanted { body_type: Some(BodyType::Sedan), ..Wanted::default() };
        assert_eq!(choose(&wanted, &unknown(), vec![body(None)]).0, Verdict::Possible, "nobody knows the body");
    }

    #[test]
    fn a_word_of_a_generation_is_no_generation() {
        let wanted = Wanted { generation: "Mk 2".into(), ..Wanted::default() };
        for (cut, verdict) in [("Mk 3", Verdict::Possible), ("2", Verdict::Found), ("Mk 2", Verdict::Found)] {
            assert_eq!(choose(&wanted, &unknown(), vec![pattern(1, cut, Years::default(), None)]).0, verdict, "{cut}");
        }
    }
}
