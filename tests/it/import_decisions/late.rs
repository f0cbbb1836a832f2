//! Rows that are understood once their spelling has been taught.

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use tonic_types::StatusExt as _;

use super::{ABC, preview_header, replace_header};
use crate::support::decisions::{apply, patterns, revert};
use crate::support::neighbours::Neighbours;
use crate::support::uploads::{header, list, rows, upload_and_wait};
use crate::support::{TestServer, connect};

async fn teach(server: &TestServer, model: &str, alias: &str) {
    let mut admin = AdminServiceClient::new(server.channel.clone());
    let request = pb::CreateAliasRequest {
        brand: "toyota".into(),
        model: model.into(),
        alias: alias.into(),
        ..Default::default()
    };
    admin.create_alias(request).await.unwrap();
}

#[tokio::test]
async fn a_spelling_taught_later_takes_rejected_rows_in_and_changes_nothing_else() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    let empty = patterns(&owner).await;
    let file =
        list(&[ABC[0], "Тойота,Хуичи,2001", "Тойота,Хуичи,2001", "Тойота,Хуичи,2018", "Тойота,Ывапр,2002", ABC[1]]);
    let preview = upload_and_wait(&server, &file, preview_header()).await;
    assert_eq!(preview.counts.unwrap().rejected, 4);
    let rejected = rows(&server, &preview, pb::RowOutcome::Rejected).await;
    assert!(rejected[0].issues.iter().any(|issue| issue.code == "MODEL_UNKNOWN"), "{rejected:?}");

    // A preview is carried out as it was shown, whatever was taught since.
    teach(&server, "camry", "хуичи").await;
    let done = apply(&server, &preview, "").await.unwrap();
    assert_eq!(done.counts, preview.counts);
    let before = rows(&server, &done, pb::RowOutcome::Unspecified).await;

    let again = apply(&server, &done, &done.etag).await.unwrap();
    let counts = again.counts.unwrap();
    assert_eq!((again.state(), &again.id), (pb::ImportState::Succeeded, &done.id));
    assert_eq!((counts.created, counts.merged, counts.rejected), (3, 2, 1), "{counts:?}");
    assert_eq!(counts.rows_read, done.counts.unwrap().rows_read);
    let after = rows(&server, &again, pb::RowOutcome::Unspecified).await;
    for (was, is) in before.iter().zip(&after) {
        if was.outcome() != pb::RowOutcome::Rejected || is.outcome() == pb::RowOutcome::Rejected {
            assert_eq!(was, is);
        } else {
            assert_eq!((is.model.as_str(), is.issues.len()), ("camry", 0), "{is:?}");
        }
    }
    // The second says the same as the first, the third the same as the row that was in before.
    let [first, second, third] = [&after[2], &after[3], &after[4]];
    assert_eq!(first.outcome(), pb::RowOutcome::Created);
    assert_eq!((second.outcome(), second.same_as_row), (pb::RowOutcome::Merged, first.row_number));
    assert_eq!((third.outcome(), third.same_as_row), (pb::RowOutcome::Merged, after[1].row_number));
    assert_eq!((&second.pattern_id, &third.pattern_id), (&first.pattern_id, &after[1].pattern_id));

    assert_eq!(apply(&server, &again, "").await.unwrap(), again, "nothing more is understood");
    // Taken back, it is gone with the rows that came in later.
    revert(&server, &again, &again.etag).await.unwrap();
    assert_eq!(patterns(&owner).await, empty);
    neighbours.are_untouched().await;
}

/// What stands above a rejected row says its make, whenever it is read; a title above the header hides no column.
#[tokio::test]
async fn rows_below_headings_are_understood_late_too() {
    let server = TestServer::start().await;
    let file = "Прайс нашего ателье;;\nМодель;Год;Цена\nТОЙОТА;;\nХуичи;2001;5\nCamry;2012;5\nKIA;;\nХуичи;2001;5\nRio;2012;5\n";
    let done = upload_and_wait(&server, file.as_bytes(), header()).await;
    let counts = done.counts.unwrap();
    assert_eq!((counts.created, counts.rejected, counts.headers), (2, 2, 4), "{counts:?}");
    teach(&server, "camry", "хуичи").await;
    let counts = apply(&server, &done, "").await.unwrap().counts.unwrap();
    assert_eq!((counts.created, counts.rejected), (3, 1), "that of Kia stays what it is: {counts:?}");
}

#[tokio::test]
async fn a_row_understood_late_gives_back_what_its_own_import_withdrew() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let neighbours = Neighbours::fill(&owner).await;
    upload_and_wait(&server, &list(&ABC), header()).await;
    let before = patterns(&owner).await;
    // The file has Fit, but nobody understands how it is written: REPLACE withdraws it.
    let file = list(&[ABC[0], ABC[1], "Тойота,Хуичи,2012"]);
    let early = upload_and_wait(&server, &list(&["Тойота,Витц,2012"]), header()).await;
    let with_vitz = patterns(&owner).await;
    let replaced = upload_and_wait(&server, &file, replace_header()).await;
    assert_eq!(replaced.counts.unwrap().withdrawn, 2, "{replaced:?}");
    teach(&server, "vitz", "хуичи").await;
    let again = apply(&server, &replaced, "").await.unwrap();
    let counts = again.counts.unwrap();
    assert_eq!((counts.unchanged, counts.rejected, counts.withdrawn), (3, 0, 1), "{counts:?}");
    let refused = revert(&server, &early, "").await.unwrap_err();
    assert_eq!(refused.get_error_details().error_info().unwrap().metadata["import"], again.id);
    revert(&server, &again, "").await.unwrap();
    assert_eq!(patterns(&owner).await, with_vitz);
    revert(&server, &early, "").await.unwrap();
    assert_eq!(patterns(&owner).await, before);
    neighbours.are_untouched().await;
}
