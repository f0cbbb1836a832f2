//! What the contract says of patterns for a car, over plain rows and the shipped reference's generations.

use lekalo::domain::vehicle::slug;
use lekalo::proto::lekalo::v1 as pb;
use lekalo_vehicles::resolve::{Candidate, Decision, Query, Resolver};
use lekalo_vehicles::{Generation, Index};

use super::lists::{Refusal, served};
use super::rows::{Catalog, Pattern};

/// How an attribute of a pattern meets what was asked, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Covers,
    /// So many years away, but the generation is right.
    OtherYear(u32),
    Unsaid,
    /// For another one; for years, so many away.
    Other(u32),
}

/// What of a car was asked about; none is any.
pub struct Car<'a> {
    year: Option<i32>,
    steering: Option<&'static str>,
    /// In Latin letters.
    generation: &'a str,
    body: Option<&'a str>,
}

impl Catalog {
    /// `generation` is the one asked for in Latin letters.
    pub fn find_patterns(
        &self,
        request: &pb::FindPatternsRequest,
        generation: &str,
    ) -> Result<pb::FindPatternsResponse, Refusal> {
        let tenant = self.tenant(&request.tenant)?;
        let category = self.category(&request.category)?;
        let brand = self.brand(&request.brand)?;
        let model = self.model(brand, &request.model)?;
        let language = self.wanted(tenant, request.language.as_str()).asked;
        let answer = |verdict: pb::Verdict, mut patterns: Vec<pb::Pattern>| {
            let total_size = patterns.len() as i32;
            patterns.truncate(100);
            pb::FindPatternsResponse { verdict: verdict.into(), patterns, total_size, language: language.to_owned() }
        };
        if self.sells(tenant, category).is_err() {
            return Ok(answer(pb::Verdict::NotSold, Vec::new()));
        }
        let car = Car {
            year: request.year.filter(|year| *year != 0),
            steering: match request.steering() {
                pb::Steering::Unspecified => None,
                pb::Steering::Left => Some("left"),
                pb::Steering::Right => Some("right"),
                pb::Steering::Both => Some("both"),
            },
            generation,
            body: request.body_type.as_deref().filter(|body| !body.is_empty()),
        };
        let mut found: Vec<(&Pattern, [Fit; 4])> = self
            .available(tenant, category)
            .filter(|pattern| pattern.model == model)
            .map(|pattern| (pattern, self.fits(pattern, &car)))
            .collect();
        if found.is_empty() {
            return Ok(answer(pb::Verdict::NotFound, Vec::new()));
        }
        // The one written as asked comes before another name of the same generation.
        let is_otherwise = |pattern: &Pattern| !pattern.generation.eq_ignore_ascii_case(generation);
        found.sort_by_key(|(pattern, fits)| (*fits, is_otherwise(pattern), pattern.id));
        let covers = |fits: &[Fit; 4]| fits.iter().all(|fit| *fit == Fit::Covers);
        let verdict = if covers(&found[0].1) {
            found.retain(|(_, fits)| covers(fits));
            pb::Verdict::Found
        } else {
            pb::Verdict::Possible
        };
        let shown = found.into_iter().map(|(pattern, fits)| self.shown(pattern, &car, fits, language)).collect();
        Ok(answer(verdict, shown))
    }

    /// Body, generation, year, steering: the most important first.
    fn fits(&self, pattern: &Pattern, car: &Car<'_>) -> [Fit; 4] {
        [self.body_fit(pattern, car), self.generation_fit(pattern, car), self.year_fit(pattern, car), {
            match (car.steering, pattern.steering) {
                (None, _) | (_, Some("both")) => Fit::Covers,
                (Some(_), None) => Fit::Unsaid,
                (asked, cut) if asked == cut => Fit::Covers,
                _ => Fit::Other(1),
            }
        }]
    }

    fn generations(&self, pattern: &Pattern) -> &'static [Generation] {
        self.reference(pattern.model).map_or(&[], |model| &model.generations)
    }

    /// `minivan` covers its sizes; a size is not surely that of a plain minivan; none is the usual one.
    fn body_fit(&self, pattern: &Pattern, car: &Car<'_>) -> Fit {
        let Some(asked) = car.body else { return Fit::Covers };
        let usual = || self.reference(pattern.model).map(|model| model.bodies(pattern.generation, None));
        let cut: Vec<String> = match pattern.body {
            Some(body) => vec![body.to_owned()],
            None => usual().unwrap_or_default().iter().map(ToString::to_string).collect(),
        };
        let is_size_of = |size: &str, body: &str| {
            self.bodies.iter().any(|known| known.code == size && known.parent.as_deref() == Some(body))
        };
        let fit = |cut: &String| {
            if cut == asked || is_size_of(cut, asked) {
                Fit::Covers
            } else if is_size_of(asked, cut) {
                Fit::Unsaid
            } else {
                Fit::Other(1)
            }
        };
        cut.iter().map(fit).min().unwrap_or(Fit::Unsaid)
    }

    fn generation_fit(&self, pattern: &Pattern, car: &Car<'_>) -> Fit {
        if car.generation.is_empty() {
            return Fit::Covers;
        }
        if pattern.generation.is_empty() {
            return Fit::Unsaid;
        }
        let (asked, cut) = (named(car.generation), named(pattern.generation));
        let is_one = |generation: &Generation| {
            let names = names(generation);
            asked.iter().any(|name| names.contains(name)) && cut.iter().any(|name| names.contains(name))
        };
        let is_same = asked.iter().any(|name| cut.contains(name)) || self.generations(pattern).iter().any(is_one);
        if is_same { Fit::Covers } else { Fit::Other(1) }
    }

    fn year_fit(&self, pattern: &Pattern, car: &Car<'_>) -> Fit {
        let Some(year) = car.year else { return Fit::Covers };
        let all = self.generations(pattern);
        let own: Vec<&Generation> = if !pattern.generation.is_empty() {
            let cut = named(pattern.generation);
            all.iter().filter(|generation| names(generation).iter().any(|name| cut.contains(name))).collect()
        } else if let (Some(from), Some(to)) = (pattern.from, pattern.to) {
            // Years tell the generation where they are within one alone.
            let made = |it: &&Generation| [from, to].into_iter().all(|year| has_year((it.from, it.to), year.into()));
            let made: Vec<&Generation> = all.iter().filter(made).collect();
            if made.len() == 1 { made } else { Vec::new() }
        } else {
            Vec::new()
        };
        let own = own.into_iter().map(|it| (it.from, it.to)).filter(|years| *years != (None, None));
        let own: Vec<(Option<i16>, Option<i16>)> = own.collect();
        let spans = match (pattern.from, pattern.to) {
            (None, None) => own.clone(),
            // It begins when the model did.
            (from, to) => vec![(from.or(all.iter().filter_map(|it| it.from).min()), to)],
        };
        if spans.iter().any(|years| has_year(*years, year)) {
            return Fit::Covers;
        }
        let ends = spans.iter().flat_map(|(from, to)| [*from, *to]).flatten();
        let Some(away) = ends.map(|end| i32::from(end).abs_diff(year)).min() else { return Fit::Unsaid };
        if own.iter().any(|years| has_year(*years, year)) { Fit::OtherYear(away) } else { Fit::Other(away) }
    }

    fn shown(&self, pattern: &Pattern, car: &Car<'_>, fits: [Fit; 4], language: &str) -> pb::Pattern {
        let fields = ["body_type", "generation", "year", "steering"].into_iter().zip(fits);
        let mismatch = |(field, fit): (&str, Fit)| pb::PatternMismatch {
            field: field.to_owned(),
            unknown: fit == Fit::Unsaid,
            reason: reason(pattern, car, field, fit, language),
        };
        let place = |words: &[&str], word: Option<&str>| {
            word.map_or(0, |word| 1 + words.iter().position(|known| *known == word).unwrap() as i32)
        };
        let model = &self.models[pattern.model];
        pb::Pattern {
            id: pattern.id.to_string(),
            brand: self.brands[model.brand].slug.clone(),
            model: model.slug.clone(),
            generation: pattern.generation.to_owned(),
            year_from: pattern.from.map_or(0, i32::from),
            year_to: pattern.to.map_or(0, i32::from),
            body_type: pattern.body.unwrap_or_default().to_owned(),
            steering: place(&["left", "right", "both"], pattern.steering),
            borders: place(&["with", "without", "medium", "high"], pattern.borders),
            seat_rows: place(&["2", "3", "full", "front_only"], pattern.seat_rows),
            trunk: place(&["yes", "no"], pattern.trunk),
            available: true,
            notes: pattern.notes.to_owned(),
            mismatches: fields.filter(|(_, fit)| *fit != Fit::Covers).map(mismatch).collect(),
            ..Default::default()
        }
    }

    /// ResolveVehicle: what a text means is the resolver's to say; how many patterns there are, and which of equals comes
    /// first, is the tenant's.
    pub fn resolve_vehicle(&self, request: &pb::ResolveVehicleRequest) -> Result<pb::ResolveVehicleResponse, Refusal> {
        let tenant = if request.tenant.is_empty() { None } else { Some(self.tenant(&request.tenant)?) };
        let category = if request.category.is_empty() { None } else { Some(self.category(&request.category)?) };
        if let (Some(tenant), Some(category)) = (tenant, category) {
            self.sells(tenant, category)?;
        }
        let index = Index::shipped();
        let (text, brand) = (request.text.as_str(), Some(request.brand.as_str()));
        let year = i16::try_from(request.year).ok().filter(|year| *year != 0);
        let language = match tenant {
            Some(tenant) => self.wanted(tenant, &request.language).asked,
            None => served(&request.language).unwrap_or("ru"),
        };
        let query =
            Query { text, brand, year, max_candidates: 20, language: language.parse().unwrap(), ..Query::default() };
        let found = Resolver::new(index).resolve(&query);
        let shown = |candidate: &Candidate| {
            let brand = index.brand(candidate.brand);
            let model = candidate.model.map(|model| index.model(model).name.clone()).unwrap_or_default();
            let is_meant = |pattern: &&Pattern| {
                let own = &self.models[pattern.model];
                self.brands[own.brand].slug == slug(&brand.name) && (model.is_empty() || own.slug == slug(&model))
            };
            let own = self.patterns.iter().filter(|it| it.available && Some(it.tenant) == tenant);
            let own = own.filter(|pattern| category.is_none_or(|category| pattern.category == category));
            pb::VehicleCandidate {
                brand: slug(&brand.name),
                brand_name: brand.name.clone(),
                model: slug(&model),
                pattern_count: own.filter(is_meant).count() as i32,
                model_name: model,
                generation: candidate.generation.clone(),
                year: candidate.year.map_or(0, i32::from),
                score: candidate.score.into(),
                matched: candidate.matched.clone(),
                reason: candidate.reason.clone(),
            }
        };
        let equals = found.candidates.iter().take_while(|candidate| candidate.is_equal).count();
        let mut candidates: Vec<pb::VehicleCandidate> = found.candidates.iter().map(shown).collect();
        let scores: Vec<f64> = candidates[..equals].iter().map(|candidate| candidate.score).collect();
        candidates[..equals].sort_by_key(|candidate| candidate.pattern_count == 0);
        // What the shop has is in the score: who comes first has the highest.
        candidates[..equals].iter_mut().zip(scores).for_each(|(candidate, score)| candidate.score = score);
        candidates.truncate(if request.max_candidates == 0 { 5 } else { request.max_candidates.min(20) as usize });
        let decision = match found.decision {
            Decision::Accept => pb::Decision::Accept,
            Decision::Choose => pb::Decision::Choose,
            Decision::None => pb::Decision::None,
        };
        let language = language.to_owned();
        Ok(pb::ResolveVehicleResponse { decision: decision.into(), candidates, language })
    }
}

/// A generation as written, and what is written together in it: `50-55` is the 50 and the 55, `Mk 2` the 2.
fn named(generation: &str) -> Vec<String> {
    let whole = generation.to_uppercase();
    let parts = whole.split(['-', '/', ',', ' ']).filter(|part| part.chars().any(|ch| ch.is_ascii_digit()));
    parts.chain([whole.as_str()]).map(str::to_owned).collect()
}

fn names(generation: &Generation) -> Vec<String> {
    let number = generation.number.map(|number| number.to_string());
    generation.code.iter().chain(&generation.also).chain(&number).map(|name| name.to_uppercase()).collect()
}

fn has_year((from, to): (Option<i16>, Option<i16>), year: i32) -> bool {
    i32::from(from.unwrap_or(i16::MIN)) <= year && year <= i32::from(to.unwrap_or(i16::MAX))
}

/// What is said in these languages: ru, ky, en.
fn reason(pattern: &Pattern, car: &Car<'_>, field: &str, fit: Fit, language: &str) -> String {
    let place = ["ru", "ky", "en"].iter().position(|known| *known == language).unwrap();
    let (generation, year) = (pattern.generation, car.year.unwrap_or_default());
    let years = match (pattern.from, pattern.to) {
        (None, None) => {
            [format!("на поколение {generation}"), format!("{generation} муунуна"), format!("generation {generation}")]
        }
        (Some(from), None) => [format!("с {from}"), format!("{from}-жылдан баштап"), format!("{from} and later")],
        (None, Some(to)) => [format!("до {to}"), format!("{to}-жылга чейин"), format!("years up to {to}")],
        (Some(from), Some(to)) if from == to => [format!("на {from}"), format!("{from}-жылга"), format!("{from}")],
        (Some(from), Some(to)) => [format!("на {from}–{to}"), format!("{from}–{to}-жылдарга"), format!("{from}–{to}")],
    };
    let years = &years[place];
    let said = |words: [&str; 3]| words.map(str::to_owned);
    let told = match (field, fit) {
        ("body_type", Fit::Unsaid) => said([
            "тип кузова в прайс-листе не указан",
            "прайс-баракта кузовдун түрү көрсөтүлгөн эмес",
            "the price list does not say which body",
        ]),
        ("body_type", _) => {
            said(["лекало на другой тип кузова", "лекало кузовдун башка түрүнө", "the pattern is for another body"])
        }
        ("generation", Fit::Unsaid) => said([
            "поколение в прайс-листе не указано",
            "прайс-баракта муун көрсөтүлгөн эмес",
            "the price list does not say which generation",
        ]),
        ("generation", _) => [
            format!("лекало на поколение {generation}"),
            format!("лекало {generation} муунуна"),
            format!("the pattern is for generation {generation}"),
        ],
        ("year", Fit::Unsaid) => said([
            "год в прайс-листе не указан",
            "прайс-баракта жыл көрсөтүлгөн эмес",
            "the price list does not say which year",
        ]),
        ("year", fit) => {
            let same = match fit {
                Fit::OtherYear(_) => [", поколение то же", ", мууну ошол эле", "; the generation is the same"],
                _ => [""; 3],
            };
            [
                format!("лекало {years}, а не на {year} год{}", same[0]),
                format!("лекало {years}, {year}-жылга эмес{}", same[1]),
                format!("the pattern is for {years}, not for {year}{}", same[2]),
            ]
        }
        (_, Fit::Unsaid) => said([
            "сторона руля в прайс-листе не указана",
            "прайс-баракта рулдун жагы көрсөтүлгөн эмес",
            "the price list does not say on which side the wheel is",
        ]),
        _ if pattern.steering == Some("left") => {
            said(["лекало на левый руль", "лекало сол рулга", "the pattern is for a left wheel"])
        }
        _ => said(["лекало на правый руль", "лекало оң рулга", "the pattern is for a right wheel"]),
    };
    told[place].clone()
}
