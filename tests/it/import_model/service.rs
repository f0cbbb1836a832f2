//! The service beside its model: every step is done to both, and after each they are compared (`compare`).

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use futures::{FutureExt as _, future};
use lekalo::domain::import::{CleanRow, Import as Imported, Mode, NewImport, Outcome};
use lekalo::domain::tenant::TenantId;
use lekalo::import::rows::Batch;
use lekalo::import::run::carry_out;
use lekalo::live_index::LiveIndex;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo_documents::table::TableRow;
use tokio_postgres::Client;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::lists::{self, Line};
use super::model::{Asked, Car, Import, Refused, Row, Shop};
use crate::support::decisions::{apply, cancel, delete, revert};
use crate::support::{TestServer, connect};

/// Two categories of two tenants, one category of both.
pub const SHOPS: [(&str, &str); 4] = [
    ("evopoliki", "eva_mats"),
    ("evopoliki", "5d_mats"),
    ("five_deluxe", "5d_mats"),
    ("five_deluxe", "premium_covers"),
];

/// Rows of a list: all that the category sells but some, some of what it withdrew, and more.
#[derive(Debug, Clone, Default)]
pub struct List {
    pub all_but: Option<usize>,
    pub back: usize,
    pub more: Vec<Line>,
}

/// What the caller says of the import's revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Etag {
    Unsaid,
    Current,
    Stale,
}

/// Imports are named by how many came after them.
#[derive(Debug, Clone)]
pub enum Step {
    Import(List, Asked),
    /// Cancelled before its turn came.
    Given(List, Asked),
    Apply(usize, Etag),
    Revert(usize, Etag),
    Cancel(usize),
    /// With `allow_succeeded`, or without.
    Delete(usize, Etag, bool),
}

/// Where lists go.
pub(super) struct Place {
    pub tenant_id: TenantId,
    category_id: i64,
}

pub struct Service {
    pub server: TestServer,
    pub owner: Client,
    pub(super) live_index: Arc<LiveIndex>,
    pub(super) places: Vec<Place>,
    pub(super) shops: Vec<Shop>,
    /// Every import in its order: its shop, its place there, its id and last etag.
    pub(super) imports: Vec<(usize, usize, Uuid, String)>,
    pub(super) versions: BTreeMap<String, i64>,
    last_pattern: i64,
    /// How often each kind of answer came, so that nothing is tested in vain.
    pub seen: BTreeMap<String, usize>,
}

impl Service {
    pub async fn start() -> Self {
        let server = TestServer::start().await;
        let owner = connect(&server.config).await;
        let mut places = Vec::new();
        for (tenant, category) in SHOPS {
            let tenant_id = server.db.find_tenant(tenant).await.unwrap().id;
            let category_id = server.db.tenant(tenant_id).find_category(category).await.unwrap().id;
            places.push(Place { tenant_id, category_id });
        }
        let live_index = server.live_index.clone();
        let mut service = Self {
            server,
            owner,
            live_index,
            places,
            shops: vec![Shop::default(); SHOPS.len()],
            imports: Vec::new(),
            versions: BTreeMap::new(),
            last_pattern: 0,
            seen: BTreeMap::new(),
        };
        service.versions = service.catalog_versions().await;
        service
    }

    /// Nothing was ever imported.
    pub async fn begin_anew(&mut self) {
        let sql = "TRUNCATE imports, import_rows, import_issues, import_changes, patterns CASCADE";
        self.owner.batch_execute(sql).await.unwrap();
        self.shops = vec![Shop::default(); SHOPS.len()];
        self.imports.clear();
    }

    pub fn shop(&self, shop: usize) -> &Shop {
        &self.shops[shop]
    }

    /// Does it to both.
    pub async fn step(&mut self, shop: usize, step: &Step) {
        let began = std::time::Instant::now();
        let before = self.shops.clone();
        let touched = match step {
            Step::Import(list, asked) => self.import(shop, list, asked, false).await,
            Step::Given(list, asked) => self.import(shop, list, asked, true).await,
            Step::Apply(back, _) | Step::Revert(back, _) | Step::Cancel(back) | Step::Delete(back, ..) => {
                let Some(at) = self.imports.len().checked_sub(back + 1) else { return };
                self.decide(at, step).await;
                at
            }
        };
        self.compare_patterns(&before).await;
        if self.of(touched).is_deleted {
            self.nothing_is_left(touched).await;
        } else {
            self.compare_import(touched, &before).await;
            self.compare_rows(touched, pb::RowOutcome::Unspecified).await;
            self.compare_withdrawn(touched).await;
        }
        println!("{shop} {step:?} in {:?}", began.elapsed());
    }

    async fn import(&mut self, shop: usize, list: &List, asked: &Asked, is_given_up: bool) -> usize {
        let sold = self.shops[shop].available().collect::<Vec<_>>();
        let kept = list.all_but.map_or(&[][..], |but| &sold[but.min(sold.len())..]);
        let withdrawn = self.shops[shop].patterns.keys().filter(|id| !sold.contains(id)).take(list.back);
        let car = |id: &i64| {
            let car = &self.shops[shop].patterns[id].car;
            lists::cars().iter().find(|row| Car::from(*row) == *car).unwrap().clone()
        };
        let cars = kept.iter().chain(withdrawn).map(car).chain(list.more.iter().map(|line| line.row())).collect();
        let rows = lists::rows(cars);
        let Place { tenant_id, category_id } = self.places[shop];
        let own = self.server.db.tenant(tenant_id);
        let new = NewImport {
            category_id,
            file_name: format!("list-{}.csv", self.imports.len()),
            sha256: vec![self.imports.len() as u8; 32],
            mode: asked.mode,
            validate_only: asked.validate_only,
            allow_large_withdrawal: asked.allow_large,
            request_id: None,
        };
        let (import, _) = own.create_import(&new).await.unwrap();
        if is_given_up {
            own.cancel_import(import.id).await.unwrap();
        }
        self.carry_out(shop, &import, &rows, 3).await;
        let mut ids = self.created(import.id).await;
        if is_given_up {
            self.shops[shop].give_up(asked);
        } else {
            self.shops[shop].import(asked, rows, &mut ids);
        }
        assert_eq!(ids, [0; 0], "it made more patterns than there are new cars");
        self.imports.push((shop, self.shops[shop].imports.len() - 1, import.id, String::new()));
        self.imports.len() - 1
    }

    async fn carry_out(&self, shop: usize, import: &Imported, rows: &[CleanRow], at_once: usize) {
        let Place { tenant_id, category_id } = self.places[shop];
        let open = || {
            let batches = rows.chunks(at_once).map(|some| Ok(Batch { rows: some.to_vec(), total: rows.len() }));
            future::ready(Ok(stream::iter(batches.collect::<Vec<_>>()).boxed())).boxed()
        };
        carry_out(&self.server.db, tenant_id, import, category_id, open, &|_| {}).await.unwrap();
    }

    /// More rejected rows than are read at once, of which the first one and the last one are understood by now.
    pub async fn late_rows_beyond_the_first_thousand(&self) {
        let Place { tenant_id, category_id } = self.places[0];
        let own = self.server.db.tenant(tenant_id);
        let never = std::iter::repeat_n(Line::Never, 1001);
        let lines = [Line::Late(0)].into_iter().chain(never).chain([Line::Late(1)]);
        let rows = lists::rows(lines.map(Line::row).collect());
        let new = NewImport {
            category_id,
            file_name: "long.csv".into(),
            sha256: vec![0; 32],
            mode: Mode::Merge,
            validate_only: false,
            allow_large_withdrawal: false,
            request_id: None,
        };
        let (import, _) = own.create_import(&new).await.unwrap();
        self.carry_out(0, &import, &rows, 400).await;
        let kept = own.all_import_rows(import.id, None).await.unwrap();
        let found: Vec<_> = kept.iter().map(|row| row.row.source_id.clone()).collect();
        let expected: Vec<_> = rows.iter().map(|row| row.source_id.clone()).collect();
        assert_eq!(found, expected, "each row once, in the document's order");
        let asked = pb::Import { tenant: SHOPS[0].0.into(), id: import.id.to_string(), ..Default::default() };
        let rejected = apply(&self.server, &asked, "").await.unwrap().counts.unwrap().rejected;
        assert_eq!(rejected, 1001, "rows beyond those read at once are taken in too");
    }

    async fn decide(&mut self, touched: usize, step: &Step) {
        let (shop, at, id, etag) = self.imports[touched].clone();
        let import = pb::Import { tenant: SHOPS[shop].0.into(), id: id.to_string(), ..Default::default() };
        let said = |of: &Etag| match of {
            Etag::Unsaid => String::new(),
            Etag::Current => etag.clone(),
            Etag::Stale => format!("{etag}0"),
        };
        let (answer, is_stale) = match step {
            Step::Apply(_, of) => (apply(&self.server, &import, &said(of)).await.map(Some), *of == Etag::Stale),
            Step::Revert(_, of) => (revert(&self.server, &import, &said(of)).await.map(Some), *of == Etag::Stale),
            Step::Delete(_, of, allow_succeeded) => {
                let deleted = delete(&self.server, &import, &said(of), *allow_succeeded).await;
                (deleted.map(|()| None), *of == Etag::Stale)
            }
            _ => (cancel(&self.server, &import).await.map(Some), false),
        };
        let expected = if self.of(touched).is_deleted {
            Some(Err(Refused::Deleted))
        } else if is_stale {
            None
        } else {
            let again = self.understood(shop, at).await;
            let mut ids = self.created(id).await;
            let of_shop = &mut self.shops[shop];
            let had = |id: &i64| of_shop.imports[at].rows.iter().any(|row| row.pattern == Some(*id));
            ids.retain(|id| !had(id));
            let done = match step {
                Step::Apply(..) => of_shop.apply(at, again, &mut ids),
                Step::Revert(..) => of_shop.revert(at),
                Step::Delete(.., allow_succeeded) => of_shop.delete(at, *allow_succeeded),
                _ => of_shop.cancel(at),
            };
            if matches!(step, Step::Apply(..)) {
                assert_eq!(ids, [0; 0], "it made more patterns than there are new cars");
            }
            Some(done)
        };
        let told = match answer {
            Ok(Some(import)) => {
                let now = self.get(touched).await;
                assert_eq!(import, now, "the answer is the import as it is");
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(status) => {
                let info = status.get_error_details().error_info().unwrap().clone();
                Err((status.code(), info.reason, status.message().to_owned(), info.metadata))
            }
        };
        let kind = format!(
            "{} {}",
            format!("{step:?}").split('(').next().unwrap(),
            match &told {
                Ok(()) => "done",
                Err((_, reason, ..)) => reason,
            }
        );
        *self.seen.entry(kind).or_default() += 1;
        let refusal = |code, reason: &str| (code, reason.to_owned());
        match (expected, told) {
            (Some(Ok(())), Ok(())) => {}
            (None, Err((code, reason, ..))) => {
                assert_eq!((code, reason), refusal(Code::Aborted, "ETAG_MISMATCH"));
            }
            (Some(Err(Refused::Outdated(rows, patterns))), Err((code, reason, message, _))) => {
                assert_eq!((code, reason), refusal(Code::Aborted, "PREVIEW_OUTDATED"));
                assert!(
                    message.contains(&format!("{rows} rows and {patterns} withdrawals")),
                    "{rows} {patterns} {message}"
                );
            }
            (Some(Err(Refused::Superseded(other, patterns))), Err((code, reason, message, metadata))) => {
                assert_eq!((code, reason), refusal(Code::FailedPrecondition, "IMPORT_SUPERSEDED"));
                let other = self.imports.iter().find(|import| (import.0, import.1) == (shop, other)).unwrap().2;
                assert_eq!(metadata["import"], other.to_string());
                assert!(message.contains(&format!("touched {patterns} of")), "{patterns} {message}");
            }
            (Some(Err(Refused::Written)), Err((code, reason, ..))) => {
                assert_eq!((code, reason), refusal(Code::FailedPrecondition, "IMPORT_SUCCEEDED"));
            }
            (Some(Err(Refused::NotOldest(older))), Err((code, reason, _, metadata))) => {
                assert_eq!((code, reason), refusal(Code::FailedPrecondition, "IMPORT_NOT_OLDEST"));
                let older = self.imports.iter().find(|import| (import.0, import.1) == (shop, older)).unwrap().2;
                assert_eq!(metadata["import"], older.to_string());
            }
            (Some(Err(Refused::Deleted)), Err((code, reason, ..))) => {
                assert_eq!((code, reason), refusal(Code::NotFound, "IMPORT_NOT_FOUND"));
            }
            (Some(Err(Refused::State(state))), Err((code, reason, _, metadata))) => {
                assert_eq!((code, reason), refusal(Code::FailedPrecondition, "ILLEGAL_IMPORT_STATE"));
                assert_eq!(metadata["state"], state.word().to_uppercase());
                assert_eq!(
                    metadata["required"],
                    match step {
                        Step::Apply(..) => "VALIDATED,SUCCEEDED",
                        Step::Revert(..) => "SUCCEEDED",
                        _ => "QUEUED,RUNNING,VALIDATED",
                    }
                );
            }
            (expected, told) => panic!("{step:?} of {id}: expected {expected:?}, but {told:?}"),
        }
    }

    /// An import's rejected rows as they are understood by now, with their places.
    async fn understood(&self, shop: usize, at: usize) -> Vec<(usize, CleanRow)> {
        let import = &self.shops[shop].imports[at];
        let rejected = import.rows.iter().enumerate().filter(|(_, row)| row.outcome == Outcome::Rejected);
        let (places, rows): (Vec<usize>, Vec<TableRow>) = rejected
            .map(|(place, Row { clean, .. })| {
                let CleanRow { page_number, row_number, cells, .. } = clean.clone();
                (place, TableRow { page_number, row_number, cells })
            })
            .unzip();
        let index = self.live_index.current().await.unwrap();
        places.into_iter().zip(lists::again(rows, &index)).collect()
    }

    /// The patterns that an import's rows say they made, in the document's order: new ones have higher numbers.
    async fn created(&mut self, id: Uuid) -> Vec<i64> {
        let sql =
            "SELECT pattern_id FROM import_rows WHERE import_id = $1 AND outcome = 'created' AND pattern_id IS NOT NULL
                   ORDER BY position";
        let ids: Vec<i64> = self.owner.query(sql, &[&id]).await.unwrap().iter().map(|row| row.get(0)).collect();
        let new: Vec<i64> = ids.iter().copied().filter(|id| *id > self.last_pattern).collect();
        assert!(new.is_sorted_by(|one, next| one < next), "numbered in the document's order: {new:?}");
        self.last_pattern = new.last().copied().unwrap_or(self.last_pattern);
        ids
    }

    pub(super) fn client(&self) -> ImportServiceClient<Channel> {
        ImportServiceClient::new(self.server.channel.clone())
    }

    pub(super) async fn get(&self, at: usize) -> pb::Import {
        let (shop, _, id, _) = &self.imports[at];
        let request = pb::GetImportRequest { tenant: SHOPS[*shop].0.into(), id: id.to_string() };
        self.client().get_import(request).await.unwrap().into_inner().import.unwrap()
    }

    pub(super) fn of(&self, at: usize) -> &Import {
        let (shop, of_shop, ..) = self.imports[at];
        &self.shops[shop].imports[of_shop]
    }
}
