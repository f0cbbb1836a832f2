//! Patterns kept by hand: what is written is what is listed, found by bots and told as history; beside imports nothing is lost.

use std::collections::BTreeMap;

use futures::future::join_all;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::pattern_service_client::PatternServiceClient;
use prost_types::FieldMask;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::support::decisions::{refusal, revert};
use crate::support::pricing::{fields, metadata, reason};
use crate::support::random::Random;
use crate::support::uploads::{header, hold, list, rows, upload_and_wait};
use crate::support::{TestServer, connect, is_long};

type Client = PatternServiceClient<Channel>;

const TENANT: &str = "evopoliki";
const CARS: [(&str, &str); 3] = [("toyota", "camry"), ("toyota", "corolla"), ("honda", "fit")];
const CATEGORIES: [&str; 2] = ["eva_mats", "5d_mats"];
const FIELDS: [&str; 10] = [
    "generation",
    "year_from",
    "year_to",
    "body_type",
    "steering",
    "borders",
    "seat_rows",
    "trunk",
    "notes",
    "available",
];

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

async fn create(client: &mut Client, pattern: pb::Pattern) -> Result<pb::Pattern, Status> {
    let request = pb::CreatePatternRequest {
        tenant: TENANT.into(),
        category: pattern.category.clone(),
        brand: pattern.brand.clone(),
        model: pattern.model.clone(),
        pattern: Some(pattern),
        ..Default::default()
    };
    Ok(client.create_pattern(request).await?.into_inner().pattern.unwrap())
}

/// The pattern's own id and etag say which, and how it was.
async fn update(client: &mut Client, pattern: pb::Pattern, paths: &[&str]) -> Result<pb::Pattern, Status> {
    let request = pb::UpdatePatternRequest {
        tenant: TENANT.into(),
        id: pattern.id.clone(),
        etag: pattern.etag.clone(),
        pattern: Some(pattern),
        update_mask: mask(paths),
        ..Default::default()
    };
    Ok(client.update_pattern(request).await?.into_inner().pattern.unwrap())
}

async fn batch(client: &mut Client, patterns: Vec<pb::Pattern>, paths: &[&str]) -> Result<Vec<pb::Pattern>, Status> {
    let update = |pattern: pb::Pattern| pb::PatternUpdate {
        id: pattern.id.clone(),
        etag: pattern.etag.clone(),
        pattern: Some(pattern),
    };
    let (updates, update_mask) = (patterns.into_iter().map(update).collect(), mask(paths));
    let request = pb::BatchUpdatePatternsRequest { tenant: TENANT.into(), updates, update_mask, ..Default::default() };
    Ok(client.batch_update_patterns(request).await?.into_inner().patterns)
}

async fn delete(client: &mut Client, id: &str, etag: &str) -> Result<(), Status> {
    let (id, etag) = (id.to_owned(), etag.to_owned());
    let request = pb::DeletePatternRequest { tenant: TENANT.into(), id, etag, ..Default::default() };
    client.delete_pattern(request).await.map(|_| ())
}

async fn get(client: &mut Client, id: &str) -> Result<pb::GetPatternResponse, Status> {
    let request = pb::GetPatternRequest { tenant: TENANT.into(), id: id.into() };
    Ok(client.get_pattern(request).await?.into_inner())
}

/// A whole list, three at a time.
async fn all(client: &mut Client, asked: pb::ListPatternsRequest) -> Vec<pb::Pattern> {
    let (mut patterns, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListPatternsRequest { tenant: TENANT.into(), page_size: 3, page_token, ..asked.clone() };
        let page = client.list_patterns(request).await.unwrap().into_inner();
        patterns.extend(page.patterns);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            assert_eq!(patterns.len() as i32, page.total_size, "{asked:?}");
            return patterns;
        }
    }
}

/// Without what only a clock knows.
fn timeless(pattern: pb::Pattern) -> pb::Pattern {
    pb::Pattern { created_at: None, updated_at: None, ..pattern }
}

/// What tells two patterns apart.
fn identity(pattern: &pb::Pattern) -> pb::Pattern {
    pb::Pattern { id: String::new(), etag: String::new(), available: true, ..pattern.clone() }
}

fn copy(field: &str, from: &pb::Pattern, to: &mut pb::Pattern) {
    match field {
        "generation" => to.generation.clone_from(&from.generation),
        "year_from" => to.year_from = from.year_from,
        "year_to" => to.year_to = from.year_to,
        "body_type" => to.body_type.clone_from(&from.body_type),
        "steering" => to.steering = from.steering,
        "borders" => to.borders = from.borders,
        "seat_rows" => to.seat_rows = from.seat_rows,
        "trunk" => to.trunk = from.trunk,
        "notes" => to.notes.clone_from(&from.notes),
        "available" => to.available = from.available,
        other => panic!("{other}"),
    }
}

/// What a shop should have, by a slow and plain reckoning.
#[derive(Clone, Default)]
struct Model {
    patterns: BTreeMap<i64, pb::Pattern>,
    /// Newest last.
    history: BTreeMap<i64, Vec<Vec<String>>>,
}

impl Model {
    fn twin(&self, pattern: &pb::Pattern, own: i64) -> Option<&pb::Pattern> {
        let is_twin = |(id, other): &(&i64, &pb::Pattern)| **id != own && identity(other) == identity(pattern);
        self.patterns.iter().find(is_twin).map(|(_, other)| other)
    }

    /// Carries a change out, or says with which reason it is refused.
    fn update(&mut self, changes: &[pb::Pattern], paths: &[&str]) -> Result<(), &'static str> {
        let wrong = |pattern: &pb::Pattern| pattern.year_to != 0 && pattern.year_from > pattern.year_to;
        if paths.contains(&"year_from") && paths.contains(&"year_to") && changes.iter().any(wrong) {
            return Err("FIELD_OUT_OF_RANGE");
        }
        let number = |pattern: &pb::Pattern| pattern.id.parse::<i64>().unwrap();
        for change in changes {
            let now = self.patterns.get(&number(change)).ok_or("PATTERN_NOT_FOUND")?;
            if !change.etag.is_empty() && change.etag != now.etag {
                return Err("ETAG_MISMATCH");
            }
        }
        for change in changes {
            let before = self.patterns[&number(change)].clone();
            let mut after = before.clone();
            let mut changed = Vec::new();
            for path in paths {
                let mut probe = before.clone();
                copy(path, change, &mut probe);
                if probe != before {
                    changed.push((*path).to_owned());
                }
                copy(path, change, &mut after);
            }
            if changed.is_empty() {
                continue;
            }
            if wrong(&after) {
                return Err("FIELD_OUT_OF_RANGE");
            }
            if self.twin(&after, number(change)).is_some() {
                return Err("PATTERN_EXISTS");
            }
            after.etag = (before.etag.parse::<i64>().unwrap() + 1).to_string();
            self.patterns.insert(number(change), after);
            self.history.get_mut(&number(change)).unwrap().push(changed);
        }
        Ok(())
    }
}

/// Few enough that the same one comes twice.
fn any_pattern(random: &mut Random) -> pb::Pattern {
    let (brand, model) = CARS[random.below(3)];
    let mut seldom = |value: i32| if random.below(8) == 0 { value } else { 0 };
    let (steering, borders, seat_rows, trunk) = (seldom(2), seldom(3), seldom(4), seldom(1));
    pb::Pattern {
        category: CATEGORIES[random.below(2)].into(),
        brand: brand.into(),
        model: model.into(),
        generation: ["", "", "", "XV70"][random.below(4)].into(),
        year_from: [0, 2005, 2010][random.below(3)],
        year_to: [0, 0, 2008][random.below(3)],
        body_type: ["", "", "", "sedan"][random.below(4)].into(),
        steering,
        borders,
        seat_rows,
        trunk,
        notes: ["", "", "7 мест", "Гибрид 100%"][random.below(4)].into(),
        available: random.below(2) == 0,
        ..Default::default()
    }
}

fn some_fields(random: &mut Random) -> Vec<&'static str> {
    let mut paths: Vec<&str> = FIELDS.into_iter().filter(|_| random.below(4) == 0).collect();
    if paths.is_empty() {
        paths.push(FIELDS[random.below(10)]);
    }
    paths
}

/// The reason of a refusal, of its first bad field where there is one.
fn told(status: &Status) -> String {
    fields(status).into_iter().next().map_or_else(|| reason(status), |(_, reason)| reason)
}

#[tokio::test]
async fn what_is_written_by_hand_is_listed_found_and_told() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let (mut model, mut random) = (Model::default(), Random(0x0007_a77e_4a5e));
    let mut refused = BTreeMap::new();
    for _ in 0..if is_long() { 240 } else { 100 } {
        let ids: Vec<i64> = model.patterns.keys().copied().collect();
        let kind = if ids.len() < 4 { 0 } else { random.below(8) };
        // One that is there; now and then with an etag, or with one that is stale.
        let change = |random: &mut Random, model: &Model| {
            let id = ids[random.below(ids.len())];
            let etag = match random.below(5) {
                0 => model.patterns[&id].etag.clone(),
                1 => "77".to_owned(),
                _ => String::new(),
            };
            pb::Pattern { id: id.to_string(), etag, ..any_pattern(random) }
        };
        let expected = match kind {
            0..=2 => {
                let new = any_pattern(&mut random);
                let twin = model.twin(&new, 0).cloned();
                let wrong = new.year_to != 0 && new.year_from > new.year_to;
                match create(&mut client, new.clone()).await {
                    Ok(created) => {
                        assert!(twin.is_none() && !wrong, "{new:?}");
                        let id: i64 = created.id.parse().unwrap();
                        let pattern = pb::Pattern { id: created.id.clone(), etag: "1".into(), available: true, ..new };
                        assert_eq!(timeless(created), pattern);
                        model.patterns.insert(id, pattern);
                        model.history.insert(id, vec![vec![]]);
                        continue;
                    }
                    Err(status) if wrong => {
                        assert_eq!(fields(&status), [("pattern.year_to".into(), "FIELD_OUT_OF_RANGE".into())]);
                        continue;
                    }
                    Err(status) => {
                        let twin = twin.unwrap_or_else(|| panic!("{new:?}: {status:?}"));
                        assert_eq!(status.code(), Code::AlreadyExists);
                        assert_eq!(metadata(&status, "pattern"), twin.id);
                        assert_eq!(metadata(&status, "available"), twin.available.to_string());
                        (told(&status), Err("PATTERN_EXISTS"))
                    }
                }
            }
            3..=5 => {
                let (change, paths) = (change(&mut random, &model), some_fields(&mut random));
                let expected = model.update(std::slice::from_ref(&change), &paths);
                match update(&mut client, change.clone(), &paths).await {
                    Ok(updated) => {
                        assert_eq!(expected, Ok(()), "{change:?} {paths:?}");
                        assert_eq!(timeless(updated), model.patterns[&change.id.parse().unwrap()]);
                        continue;
                    }
                    Err(status) => (told(&status), expected),
                }
            }
            6 => {
                let mut changes = vec![change(&mut random, &model), change(&mut random, &model)];
                changes.dedup_by(|a, b| a.id == b.id);
                let paths = some_fields(&mut random);
                // All or nothing.
                let mut after = model.clone();
                let expected = after.update(&changes, &paths);
                match batch(&mut client, changes.clone(), &paths).await {
                    Ok(updated) => {
                        assert_eq!(expected, Ok(()), "{changes:?} {paths:?}");
                        model = after;
                        let now = changes.iter().map(|change| model.patterns[&change.id.parse().unwrap()].clone());
                        assert_eq!(updated.into_iter().map(timeless).collect::<Vec<_>>(), now.collect::<Vec<_>>());
                        continue;
                    }
                    Err(status) => (told(&status), expected),
                }
            }
            _ => {
                let gone = change(&mut random, &model);
                let id: i64 = gone.id.parse().unwrap();
                let is_stale = !gone.etag.is_empty() && gone.etag != model.patterns[&id].etag;
                match delete(&mut client, &gone.id, &gone.etag).await {
                    Ok(()) => {
                        assert!(!is_stale);
                        model.patterns.remove(&id);
                        model.history.remove(&id);
                        assert_eq!(reason(&get(&mut client, &gone.id).await.unwrap_err()), "PATTERN_NOT_FOUND");
                        continue;
                    }
                    Err(status) => (told(&status), if is_stale { Err("ETAG_MISMATCH") } else { Ok(()) }),
                }
            }
        };
        let (reason, expected) = expected;
        assert_eq!(Err(reason.as_str()), expected, "{kind}");
        *refused.entry(reason).or_insert(0) += 1;
        let now = all(&mut client, pb::ListPatternsRequest::default()).await.into_iter().map(timeless);
        assert_eq!(now.collect::<Vec<_>>(), model.patterns.values().cloned().collect::<Vec<_>>());
    }
    assert_eq!(refused.len(), 3, "each refusal came about: {refused:?}");
    assert!(model.patterns.len() > 10, "{}", model.patterns.len());

    check_filters(&mut client, &model).await;
    check_bots(&server, &model).await;
    for (id, history) in &model.history {
        let events = get(&mut client, &id.to_string()).await.unwrap().history;
        let kinds: Vec<_> = events.iter().rev().map(pb::PatternEvent::kind).collect();
        let mut expected = vec![pb::PatternEventKind::Updated; history.len()];
        expected[0] = pb::PatternEventKind::Created;
        assert_eq!(kinds, expected);
        let written: Vec<Vec<String>> = events.iter().rev().map(|event| event.fields.clone()).collect();
        assert_eq!(written, *history);
        assert!(events.iter().all(|event| event.import_id.is_empty() && event.occurred_at.is_some()), "{events:?}");
    }
}

/// Each filter leaves what it says, and two together what both leave.
async fn check_filters(client: &mut Client, model: &Model) {
    let is_of_year = |pattern: &pb::Pattern, year: i32| {
        (pattern.year_from != 0 || pattern.year_to != 0)
            && (pattern.year_from == 0 || pattern.year_from <= year)
            && (pattern.year_to == 0 || year <= pattern.year_to)
    };
    let has_text = |pattern: &pb::Pattern, text: &str| {
        let all = format!("{} {} {} {}", pattern.brand, pattern.model, pattern.generation, pattern.notes);
        all.to_lowercase().contains(&text.to_lowercase())
    };
    let mut filters = vec![pb::ListPatternsRequest::default()];
    for category in ["", "eva_mats"] {
        for (brand, model) in [("", ""), ("toyota", ""), ("honda", "fit")] {
            for (year, availability, text) in [
                (0, 0, ""),
                (2004, 0, ""),
                (2005, 0, ""),
                (2012, 1, ""),
                (2016, 2, ""),
                (0, 1, "МЕСТ"),
                (0, 0, "%"),
                (0, 0, "_"),
                (0, 0, "xv7"),
                (0, 2, "Camr"),
            ] {
                filters.push(pb::ListPatternsRequest {
                    category: category.into(),
                    brand: brand.into(),
                    model: model.into(),
                    year,
                    availability,
                    text: text.into(),
                    ..Default::default()
                });
            }
        }
    }
    for filter in filters {
        let expected = model.patterns.values().filter(|pattern| {
            (filter.category.is_empty() || pattern.category == filter.category)
                && (filter.brand.is_empty() || pattern.brand == filter.brand)
                && (filter.model.is_empty() || pattern.model == filter.model)
                && (filter.year == 0 || is_of_year(pattern, filter.year))
                && (filter.availability == 0 || pattern.available == (filter.availability == 1))
                && has_text(pattern, &filter.text)
        });
        let expected: Vec<pb::Pattern> = expected.cloned().collect();
        let found: Vec<pb::Pattern> = all(client, filter.clone()).await.into_iter().map(timeless).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// Bots find what is available, at once.
async fn check_bots(server: &TestServer, model: &Model) {
    let mut catalog = CatalogServiceClient::new(server.channel.clone());
    for category in CATEGORIES {
        for (brand, car) in CARS {
            let request = pb::FindPatternsRequest {
                tenant: TENANT.into(),
                category: category.into(),
                brand: brand.into(),
                model: car.into(),
                ..Default::default()
            };
            let found = catalog.find_patterns(request).await.unwrap().into_inner();
            let mut found: Vec<i64> = found.patterns.iter().map(|pattern| pattern.id.parse().unwrap()).collect();
            found.sort_unstable();
            let is_there = |pattern: &pb::Pattern| {
                pattern.available && (pattern.category.as_str(), pattern.model.as_str()) == (category, car)
            };
            let expected = model.patterns.iter().filter(|(_, pattern)| is_there(pattern)).map(|(id, _)| *id);
            assert_eq!(found, expected.collect::<Vec<_>>(), "{category} {car}");
        }
    }
}

fn camry(year: i32) -> pb::Pattern {
    pb::Pattern {
        category: "eva_mats".into(),
        brand: "toyota".into(),
        model: "camry".into(),
        year_from: year,
        year_to: year,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_at_once_one_writes_and_the_others_are_told() {
    let server = TestServer::start().await;
    let client = Client::new(server.channel.clone());
    let created = join_all((0..6).map(|_| {
        let mut client = client.clone();
        async move { create(&mut client, camry(2018)).await }
    }));
    let (created, refused): (Vec<_>, Vec<_>) = created.await.into_iter().partition(Result::is_ok);
    assert_eq!(created.len(), 1);
    assert!(refused.iter().all(|refused| reason(refused.as_ref().unwrap_err()) == "PATTERN_EXISTS"), "{refused:?}");

    let pattern = created.into_iter().next().unwrap().unwrap();
    let changed = join_all((0..6).map(|number| {
        let (mut client, pattern) = (client.clone(), pattern.clone());
        async move { update(&mut client, pb::Pattern { notes: number.to_string(), ..pattern }, &["notes"]).await }
    }));
    let (changed, refused): (Vec<_>, Vec<_>) = changed.await.into_iter().partition(Result::is_ok);
    assert_eq!(changed.len(), 1);
    assert!(refused.iter().all(|refused| reason(refused.as_ref().unwrap_err()) == "ETAG_MISMATCH"), "{refused:?}");
}

#[tokio::test]
async fn a_bad_pattern_is_refused_with_every_field_that_is_wrong() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let bad = pb::Pattern {
        category: String::new(),
        year_from: 20_188,
        body_type: "седан".into(),
        steering: 9,
        notes: "я".repeat(501),
        ..camry(0)
    };
    let status = create(&mut client, bad).await.unwrap_err();
    let found = fields(&status);
    let expected = [
        ("category", "FIELD_REQUIRED"),
        ("pattern.year_from", "FIELD_OUT_OF_RANGE"),
        ("pattern.body_type", "FIELD_INVALID"),
        ("pattern.steering", "FIELD_INVALID"),
        ("pattern.notes", "FIELD_TOO_LONG"),
    ];
    assert_eq!(found, expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));

    for (pattern, refusal) in [
        (pb::Pattern { brand: "lada9".into(), ..camry(2018) }, "BRAND_NOT_FOUND"),
        (pb::Pattern { model: "camri".into(), ..camry(2018) }, "MODEL_NOT_FOUND"),
        (pb::Pattern { category: "coats".into(), ..camry(2018) }, "CATEGORY_NOT_FOUND"),
        (pb::Pattern { category: "alcantara_dash".into(), ..camry(2018) }, "CATEGORY_NOT_SOLD"),
    ] {
        assert_eq!(reason(&create(&mut client, pattern.clone()).await.unwrap_err()), refusal, "{pattern:?}");
    }

    let made = create(&mut client, pb::Pattern { generation: "ХВ70".into(), ..camry(2018) }).await.unwrap();
    assert_eq!(made.generation, "XB70", "letters that look like Latin ones are Latin ones");
    let status = update(&mut client, made.clone(), &["brand", "notes"]).await.unwrap_err();
    assert_eq!(fields(&status), [("update_mask".into(), "FIELD_INVALID".into())]);
    let status = update(&mut client, made.clone(), &[]).await.unwrap_err();
    assert_eq!(fields(&status), [("update_mask".into(), "FIELD_REQUIRED".into())]);
    let status = batch(&mut client, vec![made.clone(), made.clone()], &["notes"]).await.unwrap_err();
    assert_eq!(fields(&status), [("updates[1].id".into(), "FIELD_INVALID".into())]);
    let status = batch(&mut client, vec![made.clone(); 501], &["notes"]).await.unwrap_err();
    assert_eq!(fields(&status), [("updates".into(), "FIELD_TOO_LONG".into())]);
    // Of one that is not there nothing is written, nor of those beside it.
    let noted = |id: &str| pb::Pattern { id: id.into(), notes: "новое".into(), ..Default::default() };
    let status = batch(&mut client, vec![noted(&made.id), noted("980001")], &["notes"]).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "PATTERN_NOT_FOUND"));
    assert_eq!(get(&mut client, &made.id).await.unwrap().pattern.unwrap(), made);
    for id in ["x", "007", "+1"] {
        assert_eq!(reason(&get(&mut client, id).await.unwrap_err()), "PATTERN_NOT_FOUND", "{id}");
    }
}

#[tokio::test]
async fn another_tenants_pattern_is_changed_by_no_method() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let made = create(&mut client, camry(2018)).await.unwrap();
    let foreign = || "five_deluxe".to_owned();
    let changed = || Some(pb::Pattern { notes: "чужое".into(), ..Default::default() });
    let one = pb::UpdatePatternRequest {
        tenant: foreign(),
        id: made.id.clone(),
        pattern: changed(),
        update_mask: mask(&["notes"]),
        ..Default::default()
    };
    let several = pb::BatchUpdatePatternsRequest {
        tenant: foreign(),
        updates: vec![pb::PatternUpdate { id: made.id.clone(), pattern: changed(), ..Default::default() }],
        update_mask: mask(&["notes"]),
        ..Default::default()
    };
    let gone = pb::DeletePatternRequest { tenant: foreign(), id: made.id.clone(), ..Default::default() };
    for refused in [
        client.update_pattern(one).await.map(|_| ()),
        client.batch_update_patterns(several).await.map(|_| ()),
        client.delete_pattern(gone).await.map(|_| ()),
    ] {
        assert_eq!(reason(&refused.unwrap_err()), "PATTERN_NOT_FOUND");
    }
    assert_eq!(get(&mut client, &made.id).await.unwrap().pattern.unwrap(), made);
}

#[tokio::test]
async fn imports_and_hands_keep_what_the_other_did() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let first = upload_and_wait(&server, &list(&["Тойота,Камри,2018", "Хонда,Фит,2010"]), header()).await;
    assert_eq!(first.state(), pb::ImportState::Succeeded);
    let by_hand = create(&mut client, camry(2012)).await.unwrap();

    // A list that has it finds it; one in mode REPLACE that lacks it takes it off sale, and its etag with it.
    let second = upload_and_wait(&server, &list(&["Тойота,Камри,2012"]), header()).await;
    assert_eq!(second.counts.unwrap().unchanged, 1);
    assert_eq!(get(&mut client, &by_hand.id).await.unwrap().pattern.unwrap(), by_hand);
    let replace = pb::ImportHeader { mode: pb::ImportMode::Replace.into(), allow_large_withdrawal: true, ..header() };
    let third = upload_and_wait(&server, &list(&["Тойота,Камри,2018", "Хонда,Фит,2010"]), replace).await;
    assert_eq!(third.counts.unwrap().withdrawn, 1);
    let told = get(&mut client, &by_hand.id).await.unwrap();
    assert!(!told.pattern.as_ref().unwrap().available);
    assert_ne!(told.pattern.unwrap().etag, by_hand.etag);
    let history: Vec<_> = told.history.iter().map(|event| (event.kind(), event.import_id.as_str())).collect();
    assert_eq!(history, [(pb::PatternEventKind::Withdrawn, third.id.as_str()), (pb::PatternEventKind::Created, "")]);
    assert_eq!(told.history[0].file_name, "price.pdf");
    let of_third = pb::ListPatternsRequest { import_id: third.id.clone(), ..Default::default() };
    assert_eq!(all(&mut client, of_third).await.len(), 3, "two that it has, and the one that it withdrew");
    let stale = update(&mut client, pb::Pattern { available: true, ..by_hand.clone() }, &["available"]).await;
    assert_eq!(reason(&stale.unwrap_err()), "ETAG_MISMATCH");
    // Made available by hand, it is the shop's own again: the import cannot be reverted over that.
    let now = pb::Pattern { id: by_hand.id.clone(), available: true, ..Default::default() };
    update(&mut client, now, &["available"]).await.unwrap();
    assert_eq!(refusal(revert(&server, &third, "").await), (Code::FailedPrecondition, "PATTERNS_EDITED".into()));
}

#[tokio::test]
async fn a_revert_undoes_nothing_that_was_done_by_hand() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let first = upload_and_wait(&server, &list(&["Тойота,Камри,2018", "Хонда,Фит,2010"]), header()).await;
    let listed = rows(&server, &first, pb::RowOutcome::Created).await.remove(0).pattern_id;
    let edited = pb::Pattern { id: listed.clone(), notes: "7 мест".into(), ..Default::default() };
    update(&mut client, edited, &["notes"]).await.unwrap();
    let status = revert(&server, &first, "").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "PATTERNS_EDITED"));
    assert_eq!((metadata(&status, "pattern"), metadata(&status, "patterns")), (listed.clone(), "1".into()));
    assert_eq!(get(&mut client, &listed).await.unwrap().pattern.unwrap().notes, "7 мест");

    // What was edited before an import is none of its affair, and what was deleted since is gone either way.
    let second = upload_and_wait(&server, &list(&["Киа,Рио,2016"]), header()).await;
    revert(&server, &second, "").await.unwrap();
    delete(&mut client, &listed, "").await.unwrap();
    revert(&server, &first, "").await.unwrap();
    assert_eq!(all(&mut client, pb::ListPatternsRequest::default()).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_import_writes_a_hand_is_told_to_wait() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let made = create(&mut client, camry(2018)).await.unwrap();
    let holder = connect(&server.config).await;
    hold(&holder, "pg_advisory_lock").await;
    let refused = [
        create(&mut client, camry(2019)).await.map(|_| ()),
        update(&mut client, pb::Pattern { available: false, ..made.clone() }, &["available"]).await.map(|_| ()),
        delete(&mut client, &made.id, "").await,
    ];
    for refused in refused {
        assert_eq!(reason(&refused.unwrap_err()), "IMPORT_RUNNING");
    }
    // Another category is nobody's concern.
    create(&mut client, pb::Pattern { category: "5d_mats".into(), ..camry(2018) }).await.unwrap();
    hold(&holder, "pg_advisory_unlock").await;
    update(&mut client, pb::Pattern { available: false, ..made }, &["available"]).await.unwrap();
}
