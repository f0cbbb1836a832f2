//! What a shop decides about a price list that was read: previewed, applied, reverted, mended by a spelling.

mod late;

use std::time::Duration;

use lekalo::db::Db;
use lekalo::import::apply::delete as delete_import;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::decisions::{apply, cancel, delete, patterns, refusal, revert};
use crate::support::neighbours::{Neighbours, own_patterns};
use crate::support::uploads::{header, list, rows, upload_and_wait};
use crate::support::{SAMPLE_PDF, TestServer, connect, database, db_options};

async fn withdrawn(server: &TestServer, import: &pb::Import) -> Vec<pb::Pattern> {
    let (mut patterns, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListWithdrawnPatternsRequest {
            tenant: import.tenant.clone(),
            id: import.id.clone(),
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let mut client = ImportServiceClient::new(server.channel.clone());
        let page = client.list_withdrawn_patterns(request).await.unwrap().into_inner();
        patterns.extend(page.patterns);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            assert_eq!(patterns.len() as i32, page.total_size);
            return patterns;
        }
    }
}

/// Where a pattern comes from: the import, the row, its outcome and its import's state.
async fn origin(
    server: &TestServer,
    pattern_id: &str,
) -> Result<Vec<(String, i32, pb::RowOutcome, pb::ImportState)>, Status> {
    let (mut rows, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListPatternRowsRequest {
            tenant: "evopoliki".into(),
            pattern_id: pattern_id.into(),
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let mut client = ImportServiceClient::new(server.channel.clone());
        let page = client.list_pattern_rows(request).await?.into_inner();
        rows.extend(page.rows.into_iter().map(|found| {
            let (state, row) = (found.state(), found.row.unwrap());
            (found.import_id, row.row_number, row.outcome(), state)
        }));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            assert_eq!(rows.len() as i32, page.total_size);
            return Ok(rows);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_row_is_told_in_the_language_asked_for() {
    let server = TestServer::start().await;
    let file = list(&["Ктотам,Рио,2018", "Тойота,,2018", "Тойота,Камри,1007"]);
    let import = upload_and_wait(&server, &file, header()).await;
    let mut client = ImportServiceClient::new(server.channel.clone());
    let mut told = async |tenant: &str, language: &str| {
        let request = pb::ListImportRowsRequest {
            tenant: tenant.into(),
            id: import.id.clone(),
            language: language.into(),
            ..Default::default()
        };
        let answer = client.list_import_rows(request).await.unwrap().into_inner();
        let issues = answer.rows.into_iter().flat_map(|row| row.issues).map(|issue| issue.message);
        (answer.language, issues.collect::<Vec<_>>())
    };
    let russian =
        ["марка «Ктотам» не распознана", "указана только марка Toyota, нет модели", "год «1007» не похож на год"];
    let kyrgyz =
        ["«Ктотам» деген марка таанылган жок", "Toyota маркасы гана көрсөтүлгөн, модели жок", "«1007» жылга окшобойт"];
    let english =
        ["the make “Ктотам” is unknown", "only the make Toyota is given, no model", "“1007” does not look like a year"];
    for (asked, used, expected) in
        [("", "ru", russian), ("de", "ru", russian), ("ky-KG", "ky", kyrgyz), ("en", "en", english)]
    {
        assert_eq!(told("evopoliki", asked).await, (used.to_owned(), expected.map(str::to_owned).to_vec()), "{asked}");
    }
    let owner = connect(&server.config).await;
    owner.batch_execute("UPDATE tenants SET default_language = 'ky' WHERE slug = 'evopoliki'").await.unwrap();
    assert_eq!(told("evopoliki", "").await.0, "ky", "the tenant's own where none is asked for");

    let pattern_id = rows(&server, &import, pb::RowOutcome::Created).await.remove(0).pattern_id;
    let request = pb::ListPatternRowsRequest {
        tenant: "evopoliki".into(),
        pattern_id,
        language: "en".into(),
        ..Default::default()
    };
    let from = client.list_pattern_rows(request).await.unwrap().into_inner();
    let issues = &from.rows[0].row.as_ref().unwrap().issues;
    assert_eq!((from.language.as_str(), issues[0].message.as_str()), ("en", english[2]));
}

#[tokio::test]
async fn a_pattern_says_which_rows_it_comes_from() {
    use pb::ImportState::{Reverted, Succeeded};
    use pb::RowOutcome::{Created, Merged, Unchanged, Updated};
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let first =
        upload_and_wait(&server, &list(&["Тойота,Камри,2018", "Киа,Рио,", "тайота,camry,2018"]), header()).await;
    let camry = rows(&server, &first, Created).await.remove(0).pattern_id;
    let replace = pb::ImportHeader { mode: pb::ImportMode::Replace.into(), allow_large_withdrawal: true, ..header() };
    let second = upload_and_wait(&server, &list(&["Киа,Рио,"]), replace).await;
    let third = upload_and_wait(&server, &list(&["Киа,Рио,", "Toyota,Camry,2018"]), header()).await;
    let came = |import: &pb::Import, row, outcome, state| (import.id.clone(), row, outcome, state);
    let made = [came(&first, 1, Created, Succeeded), came(&first, 3, Merged, Succeeded)];
    let mut expected = vec![came(&third, 2, Updated, Succeeded)];
    expected.extend(made.clone());
    assert_eq!(origin(&server, &camry).await.unwrap(), expected);

    let fourth = upload_and_wait(&server, &list(&["Toyota,Camry,2018"]), header()).await;
    expected.insert(0, came(&fourth, 1, Unchanged, Succeeded));
    assert_eq!(origin(&server, &camry).await.unwrap(), expected);
    for import in [&fourth, &third, &second, &first] {
        revert(&server, import, "").await.unwrap();
    }
    // The pattern is gone, where it came from is not.
    let states: Vec<_> = origin(&server, &camry).await.unwrap().into_iter().map(|(.., state)| state).collect();
    assert_eq!(states, [Reverted; 4]);
    for unknown in ["999999999", "x"] {
        assert_eq!(
            refusal(origin(&server, unknown).await.map(|_| first.clone())),
            (Code::NotFound, "PATTERN_NOT_FOUND".into())
        );
    }
    neighbours.are_untouched().await;
}

fn preview_header() -> pb::ImportHeader {
    pb::ImportHeader { validate_only: true, ..header() }
}

fn replace_header() -> pb::ImportHeader {
    pb::ImportHeader { mode: pb::ImportMode::Replace.into(), allow_large_withdrawal: true, ..header() }
}

const ABC: [&str; 3] = ["Тойота,Камри,2018", "Тойота,Королла,2015", "Хонда,Фит,2010"];

#[tokio::test]
async fn a_preview_shows_everything_and_applying_it_does_exactly_that() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    upload_and_wait(&server, &list(&ABC), header()).await;
    // Camry is withdrawn, so that the preview brings it back; Fit will go, RAV4 is new.
    upload_and_wait(&server, &list(&ABC[1..]), replace_header()).await;
    let before = patterns(&owner).await;
    let file = list(&[ABC[0], ABC[1], ABC[1], "Тойота,РАВ4,2020", "Тойота,Хуичи,2001"]);
    let preview = pb::ImportHeader { validate_only: true, ..replace_header() };
    let preview = upload_and_wait(&server, &file, preview).await;
    assert_eq!(preview.state(), pb::ImportState::Validated, "{:?}", preview.error);
    assert_eq!(patterns(&owner).await, before, "a preview changes nothing");

    let counts = preview.counts.unwrap();
    assert_eq!((counts.created, counts.updated, counts.unchanged), (1, 1, 1), "{counts:?}");
    assert_eq!((counts.merged, counts.rejected, counts.headers, counts.withdrawn), (1, 1, 1, 1), "{counts:?}");
    let would = rows(&server, &preview, pb::RowOutcome::Unspecified).await;
    for row in &would {
        let expected = (row.outcome() == pb::RowOutcome::Updated).then(|| pb::PatternChange {
            field: "available".into(),
            before: "false".into(),
            after: "true".into(),
        });
        assert_eq!(row.changes, Vec::from_iter(expected), "{row:?}");
    }
    let gone = withdrawn(&server, &preview).await;
    assert_eq!(gone.len(), 1);
    assert_eq!((gone[0].model.as_str(), gone[0].available), ("fit", true));

    let done = apply(&server, &preview, &preview.etag).await.unwrap();
    assert_eq!((done.state(), done.counts), (pb::ImportState::Succeeded, preview.counts));
    let mut did = rows(&server, &done, pb::RowOutcome::Unspecified).await;
    for row in &mut did {
        if row.outcome() == pb::RowOutcome::Created {
            assert!(!std::mem::take(&mut row.pattern_id).is_empty(), "it made a pattern: {row:?}");
        }
    }
    assert_eq!(did, would, "rows are as previewed");
    let gone = withdrawn(&server, &done).await;
    assert_eq!((gone.len(), gone[0].available), (1, false));

    // Again: nothing more, and a stale etag is refused.
    let after = patterns(&owner).await;
    assert_eq!(apply(&server, &preview, "").await.unwrap(), done);
    assert_eq!(refusal(apply(&server, &preview, &preview.etag).await), (Code::Aborted, "ETAG_MISMATCH".into()));
    assert_eq!(patterns(&owner).await, after);
    // The same file once more has nothing left to do.
    let again = upload_and_wait(&server, &file, replace_header()).await.counts.unwrap();
    assert_eq!((again.created, again.updated, again.unchanged, again.withdrawn), (0, 0, 3, 0));

    let superseded = (Code::FailedPrecondition, "IMPORT_SUPERSEDED".to_owned());
    assert_eq!(refusal(revert(&server, &done, "").await), superseded);
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn applying_does_what_importing_would_have_done() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let preview = upload_and_wait(&server, SAMPLE_PDF, preview_header()).await;
    let done = apply(&server, &preview, "").await.unwrap();
    let applied = patterns(&owner).await;
    let other = TestServer::start().await;
    let others_owner = connect(&other.config).await;
    let others_neighbours = Neighbours::fill(&others_owner).await;
    let imported = upload_and_wait(&other, SAMPLE_PDF, header()).await;
    assert_eq!(done.counts, imported.counts);
    assert_eq!(applied, patterns(&others_owner).await);
    others_neighbours.are_untouched().await;
    neighbours.are_untouched().await;
}

/// An update of the program comes between a preview and its being applied: its rows do not say whether they were accepted.
#[tokio::test]
async fn a_preview_of_an_older_program_is_applied_like_a_new_one() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let file = list(&[ABC[0], ABC[1], ABC[1], "Тойота,Хуичи,2001"]);
    let preview = upload_and_wait(&server, &file, preview_header()).await;
    owner.execute("UPDATE import_rows SET accepted = NULL", &[]).await.unwrap();
    let done = apply(&server, &preview, &preview.etag).await.unwrap();
    assert_eq!((done.state(), done.counts), (pb::ImportState::Succeeded, preview.counts));
    assert_eq!(own_patterns(&owner).await, 2);
}

#[tokio::test]
async fn a_stale_preview_is_not_applied() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    upload_and_wait(&server, &list(&ABC[..2]), header()).await;
    let replacing = pb::ImportHeader { validate_only: true, ..replace_header() };
    let merging = upload_and_wait(&server, &list(&ABC), preview_header()).await;
    let replacing = upload_and_wait(&server, &list(&ABC[..1]), replacing).await;
    let other = upload_and_wait(&server, &list(&["Киа,Рио,2015"]), preview_header()).await;

    // Fit comes between: no longer to be created by the one, and to be withdrawn by the other.
    let between = upload_and_wait(&server, &list(&ABC[2..]), header()).await;
    let now = patterns(&owner).await;
    for preview in [&merging, &replacing] {
        let refused = apply(&server, preview, &preview.etag).await.unwrap_err();
        assert!(refused.message().contains("stale") && refused.message().contains("request_id"), "{refused:?}");
        assert_eq!(refusal(Err(refused)), (Code::Aborted, "PREVIEW_OUTDATED".into()));
    }
    assert_eq!(patterns(&owner).await, now);
    // What does not depend on it goes in all the same; so does a preview once the change is undone.
    assert_eq!(apply(&server, &other, "").await.unwrap().state(), pb::ImportState::Succeeded);
    revert(&server, &between, "").await.unwrap();
    assert_eq!(apply(&server, &merging, &merging.etag).await.unwrap().counts, merging.counts);
    // Another category of the same tenant is no change.
    let elsewhere = pb::ImportHeader { category: "trunk_mats".into(), ..header() };
    let preview = upload_and_wait(&server, &list(&["Киа,Сид,2015"]), preview_header()).await;
    upload_and_wait(&server, &list(&["Киа,Сид,2015"]), elsewhere).await;
    apply(&server, &preview, &preview.etag).await.unwrap();
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn of_two_who_apply_at_once_one_does() {
    let server = TestServer::start().await;
    let second = TestServer::over(server.config.clone()).await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    for etag_given in [true, false] {
        let lines = if etag_given { &ABC[..2] } else { &ABC[2..] };
        let preview = upload_and_wait(&server, &list(lines), preview_header()).await;
        let etag = if etag_given { preview.etag.as_str() } else { "" };
        let tried = futures::future::join_all([&server, &second].map(|at| apply(at, &preview, etag))).await;
        let done = tried.iter().filter(|tried| tried.is_ok()).count();
        assert_eq!(done, if etag_given { 1 } else { 2 }, "{tried:?}");
        for refused in tried.into_iter().filter(|tried| tried.is_err()) {
            assert_eq!(refusal(refused), (Code::Aborted, "ETAG_MISMATCH".into()));
        }
    }
    assert_eq!(own_patterns(&owner).await, 3);
    neighbours.are_untouched().await;
}

/// Any sequence of imports, taken back from the end, passes through the same states backwards.
#[tokio::test]
async fn reverting_restores_exactly() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    upload_and_wait(&server, SAMPLE_PDF, header()).await;
    let cars = [ABC[0], ABC[1], ABC[2], "Тойота,РАВ4,2020", "Киа,Рио,2015", "Киа,Сид,2012", "Лада,Веста,2019"];
    let mut seed = 7u32;
    let mut random = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % below
    };
    let mut stack = Vec::new();
    for _ in 0..12 {
        let lines: Vec<&str> = cars.into_iter().filter(|_| random(2) == 0).chain([cars[0]]).collect();
        let header = if random(2) == 0 { header() } else { replace_header() };
        let validate_only = random(2) == 0;
        let before = patterns(&owner).await;
        let import = upload_and_wait(&server, &list(&lines), pb::ImportHeader { validate_only, ..header }).await;
        let import = if validate_only { apply(&server, &import, "").await.unwrap() } else { import };
        assert_eq!(import.state(), pb::ImportState::Succeeded, "{:?}", import.error);
        stack.push((import, before));
    }
    while let Some((import, before)) = stack.pop() {
        let reverted = revert(&server, &import, &import.etag).await.unwrap();
        assert_eq!((reverted.state(), reverted.counts), (pb::ImportState::Reverted, import.counts));
        assert_eq!(patterns(&owner).await, before, "after {:?}", import.counts);
        let all = rows(&server, &import, pb::RowOutcome::Unspecified).await;
        assert_eq!(all.len() as i32, import.counts.unwrap().rows_read, "its rows stay as a record");
    }
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn an_import_that_a_later_one_built_upon_is_not_reverted() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let empty = patterns(&owner).await;
    let first = upload_and_wait(&server, &list(&ABC[..2]), header()).await;
    let apart = upload_and_wait(&server, &list(&["Киа,Рио,2015"]), header()).await;
    let agrees = upload_and_wait(&server, &list(&ABC[..1]), header()).await;
    let previewed = upload_and_wait(&server, &list(&ABC[..1]), preview_header()).await;
    let replaces = upload_and_wait(&server, &list(&ABC[2..]), replace_header()).await;
    assert_eq!(replaces.counts.unwrap().withdrawn, 3);

    let refused = |status: Status| {
        assert_eq!(status.code(), Code::FailedPrecondition);
        let info = status.get_error_details().error_info().unwrap().clone();
        assert_eq!(info.reason, "IMPORT_SUPERSEDED");
        assert!(status.message().contains(&info.metadata["import"]), "{}", status.message());
        info.metadata["import"].clone()
    };
    for import in [&first, &apart] {
        assert_eq!(refused(revert(&server, import, "").await.unwrap_err()), replaces.id);
    }
    let stale = revert(&server, &replaces, &previewed.etag.repeat(2)).await;
    assert_eq!(refusal(stale), (Code::Aborted, "ETAG_MISMATCH".into()));
    revert(&server, &replaces, &replaces.etag).await.unwrap();
    // Reverted, it no longer counts; one that only agrees with the first still does, a preview never.
    assert_eq!(refused(revert(&server, &first, "").await.unwrap_err()), agrees.id);
    revert(&server, &apart, "").await.unwrap();
    revert(&server, &agrees, "").await.unwrap();
    let gone = revert(&server, &first, "").await.unwrap();
    assert_eq!(patterns(&owner).await, empty);

    for import in [&gone, &previewed] {
        let again = revert(&server, import, "").await;
        assert_eq!(refusal(again), (Code::FailedPrecondition, "ILLEGAL_IMPORT_STATE".into()));
    }
    assert_eq!(refusal(apply(&server, &gone, "").await), (Code::FailedPrecondition, "ILLEGAL_IMPORT_STATE".into()));
    // What was reverted can be imported again.
    assert_eq!(upload_and_wait(&server, &list(&ABC[..2]), header()).await.counts.unwrap().created, 2);
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn a_preview_can_be_discarded_and_what_has_ended_cannot_be_cancelled() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let preview = upload_and_wait(&server, &list(&ABC), preview_header()).await;
    let cancelled = cancel(&server, &preview).await.unwrap();
    assert_eq!(cancelled.state(), pb::ImportState::Cancelled);
    assert_eq!(cancel(&server, &preview).await.unwrap(), cancelled, "again changes nothing");
    let illegal = (Code::FailedPrecondition, "ILLEGAL_IMPORT_STATE".to_owned());
    assert_eq!(refusal(apply(&server, &preview, "").await), illegal);

    let done = upload_and_wait(&server, &list(&ABC), header()).await;
    let status = cancel(&server, &done).await.unwrap_err();
    assert_eq!(status.get_error_details().error_info().unwrap().metadata["state"], "SUCCEEDED");
    assert_eq!(refusal(Err(status)), illegal);
    let others = pb::Import { tenant: "five_deluxe".into(), ..done };
    for refused in
        [cancel(&server, &others).await, apply(&server, &others, "").await, revert(&server, &others, "").await]
    {
        assert_eq!(refusal(refused), (Code::NotFound, "IMPORT_NOT_FOUND".into()));
    }
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn what_has_ended_is_deleted_however_it_ended_and_nothing_else() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let first = upload_and_wait(&server, &list(&ABC), header()).await;
    let second = upload_and_wait(&server, &list(&["Киа,Рио,", "Тойота,Хуичи,2001"]), header()).await;
    let before = patterns(&owner).await;
    let state = async |set: &str| {
        let sql = format!("UPDATE imports SET {set} WHERE id = $1::text::uuid");
        assert_eq!(owner.execute(&sql, &[&second.id]).await.unwrap(), 1);
    };
    let illegal = (Code::FailedPrecondition, "ILLEGAL_IMPORT_STATE".to_owned());
    let refused =
        async |etag: &str, allow| refusal(delete(&server, &second, etag, allow).await.map(|()| second.clone()));
    for under_way in ["queued", "running"] {
        for tries in [0, 1] {
            let alive = if tries == 0 { "now() + interval '1 hour'" } else { "now() - interval '1 hour'" };
            state(&format!("state = '{under_way}', tries_left = {tries}, lease_until = {alive}")).await;
            assert_eq!(refused("", true).await, illegal, "{under_way}, {tries}");
        }
    }
    state("state = 'succeeded', lease_until = NULL").await;
    assert_eq!(refused("", false).await, (Code::FailedPrecondition, "IMPORT_SUCCEEDED".into()));
    assert_eq!(refused("", true).await, (Code::FailedPrecondition, "IMPORT_NOT_OLDEST".into()));
    assert_eq!(refused("0", true).await, (Code::Aborted, "ETAG_MISMATCH".into()));
    let overdue = "state = 'running', tries_left = 0, lease_until = now() - interval '1 hour'";
    let ends = [overdue, "state = 'validated'", "state = 'failed'", "state = 'cancelled'", "state = 'reverted'"];
    for ended in ends {
        let header = pb::ImportHeader { validate_only: true, ..header() };
        let import = upload_and_wait(&server, &list(&["Киа,Рио,", "Тойота,Хуичи,2001"]), header).await;
        let sql = format!("UPDATE imports SET {ended} WHERE id = $1::text::uuid");
        owner.execute(&sql, &[&import.id]).await.unwrap();
        delete(&server, &import, "", false).await.unwrap_or_else(|status| panic!("{ended}: {status:?}"));
        let again = delete(&server, &import, "", true).await;
        assert_eq!(refusal(again.map(|()| import)), (Code::NotFound, "IMPORT_NOT_FOUND".into()));
    }
    for written in [&first, &second] {
        delete(&server, written, "", true).await.unwrap();
    }
    let left = "SELECT (SELECT count(*) FROM imports WHERE file_name = $1) + (SELECT count(*) FROM import_rows WHERE import_id = $2::text::uuid)
                + (SELECT count(*) FROM import_issues WHERE import_id = $2::text::uuid)";
    let left: i64 = owner.query_one(left, &[&second.file_name, &second.id]).await.unwrap().get(0);
    assert_eq!(left, 0);
    assert_eq!(patterns(&owner).await, before, "what it wrote stays");
    neighbours.are_untouched().await;
}

#[tokio::test]
async fn an_interrupted_import_is_deleted_where_no_server_looks_after_it() {
    let config = database().await;
    let (owner, db) = (connect(&config).await, Db::new(&db_options(&config)).unwrap());
    let id = uuid::Uuid::now_v7();
    let overdue = "INSERT INTO imports (tenant_id, id, category_id, file_name, sha256, mode, state, lease_until)
                   SELECT t.id, $1, c.id, 'x', sha256(''), 'merge', 'running', now() - interval '1 hour'
                   FROM tenants t, product_categories c WHERE t.slug = 'evopoliki' AND c.code = 'eva_mats'";
    assert_eq!(owner.execute(overdue, &[&id]).await.unwrap(), 1);
    let own = db.tenant(db.find_tenant("evopoliki").await.unwrap().id);
    let deleted = tokio::time::timeout(Duration::from_secs(30), delete_import(own, id, false, |_| Ok(())));
    deleted.await.expect("it is tried for ever").unwrap();
    let left: i64 = owner.query_one("SELECT count(*) FROM imports", &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}
