//! What the service says about patterns and imports, word for word, against the model.

use std::collections::BTreeMap;

use lekalo::domain::import::{CleanRow, FrequentIssue, ImportRow, Outcome, State, StoredIssue};
use lekalo::proto::lekalo::v1 as pb;
use tonic_types::StatusExt as _;

use super::model::{Car, Import, Pattern, Shop, is_known};
use super::service::{SHOPS, Service};
use super::wire;

impl Service {
    /// All patterns of all shops, and what bots are told about their copies of the catalog.
    pub(super) async fn compare_patterns(&mut self, before: &[Shop]) {
        let rows = self
            .owner
            .query(
                "SELECT t.slug AS tenant, c.code AS category, p.id, b.name AS brand, m.name AS model,
                        coalesce(v.generation, '') AS generation, v.year_from, v.year_to, v.body_type, p.steering, p.borders,
                        p.seat_rows, p.trunk, p.notes, p.available
                 FROM patterns p
                 JOIN tenants t ON t.id = p.tenant_id
                 JOIN product_categories c ON c.id = p.category_id
                 JOIN models m ON m.id = p.model_id
                 JOIN brands b ON b.id = m.brand_id
                 JOIN model_variants v ON v.model_id = p.model_id AND v.id = p.variant_id",
                &[],
            )
            .await
            .unwrap();
        let mut found = vec![BTreeMap::new(); SHOPS.len()];
        for row in rows {
            let word = |name: &str| row.get::<_, Option<&str>>(name);
            let car = Car {
                brand: row.get("brand"),
                model: row.get("model"),
                generation: row.get("generation"),
                years: (row.get("year_from"), row.get("year_to")),
                body: word("body_type").map(|word| word.parse().unwrap()),
                steering: word("steering").map(|word| word.parse().unwrap()),
                borders: word("borders").map(|word| word.parse().unwrap()),
                seat_rows: word("seat_rows").map(|word| word.parse().unwrap()),
                trunk: word("trunk").map(|word| word.parse().unwrap()),
                notes: row.get("notes"),
            };
            let shop = SHOPS.iter().position(|shop| *shop == (row.get("tenant"), row.get("category"))).unwrap();
            found[shop].insert(row.get::<_, i64>("id"), Pattern { car, available: row.get("available") });
        }
        for (shop, found) in found.iter().enumerate() {
            assert_eq!(*found, self.shops[shop].patterns, "patterns of {:?}", SHOPS[shop]);
        }
        let versions = self.catalog_versions().await;
        for (tenant, version) in &versions {
            let of = |shops: &[Shop]| -> Vec<Vec<i64>> {
                let own = SHOPS.iter().zip(shops).filter(|((of, _), _)| of == tenant);
                own.map(|(_, shop)| shop.available().collect()).collect()
            };
            let has_changed = of(before) != of(&self.shops);
            let was = self.versions[tenant];
            assert_eq!(*version > was, has_changed, "{tenant}: what it sells and its version change together");
            assert!(*version >= was);
        }
        self.versions = versions;
    }

    pub(super) async fn catalog_versions(&self) -> BTreeMap<String, i64> {
        let rows = self.owner.query("SELECT slug, catalog_version FROM tenants", &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    pub(super) async fn compare_import(&mut self, at: usize, before: &[Shop]) {
        let (shop, of_shop, id, etag) = self.imports[at].clone();
        let found = self.get(at).await;
        let import = self.of(at);
        let expected = wire::import(SHOPS[shop], id, at, import);
        assert!(found.created_at.is_some() && found.finished_at.is_some(), "{found:?}");
        let kept = pb::Import { etag: String::new(), created_at: None, finished_at: None, ..found.clone() };
        assert_eq!(kept, expected);
        let has_changed = before[shop].imports.get(of_shop) != Some(import);
        assert_eq!(found.etag != etag, has_changed, "an etag changes with its import: {etag} {found:?}");
        let kind = format!("{:?}", found.state());
        *self.seen.entry(kind).or_default() += 1;
        for row in &self.of(at).rows.clone() {
            *self.seen.entry(format!("row {:?}", row.outcome)).or_default() += 1;
        }
        self.imports[at].3 = found.etag;
    }

    /// Nobody knows anything of a deleted import.
    pub(super) async fn nothing_is_left(&self, at: usize) {
        let (shop, _, id, _) = &self.imports[at];
        let request = pb::GetImportRequest { tenant: SHOPS[*shop].0.into(), id: id.to_string() };
        let status = self.client().get_import(request).await.unwrap_err();
        assert_eq!(status.get_error_details().error_info().unwrap().reason, "IMPORT_NOT_FOUND");
        for table in ["import_rows", "import_issues", "import_changes", "import_files"] {
            let sql = format!("SELECT count(*) FROM {table} WHERE import_id = $1");
            let left: i64 = self.owner.query_one(&sql, &[id]).await.unwrap().get(0);
            assert_eq!(left, 0, "{table}");
        }
    }

    /// As they are kept, and as they come over the wire page by page.
    pub(super) async fn compare_rows(&self, at: usize, outcome: pb::RowOutcome) {
        let (shop, _, id, _) = &self.imports[at];
        let import = self.of(at);
        let expected: Vec<ImportRow> = (0..import.rows.len()).map(|place| kept(import, place)).collect();
        let on_the_wire: Vec<_> = expected
            .iter()
            .map(wire::row)
            .filter(|row| outcome == pb::RowOutcome::Unspecified || row.outcome() == outcome)
            .collect();
        let found = pages(7, async |page_size, page_token| {
            let request = pb::ListImportRowsRequest {
                tenant: SHOPS[*shop].0.into(),
                id: id.to_string(),
                outcome: outcome.into(),
                page_size,
                page_token,
                ..Default::default()
            };
            let page = self.client().list_import_rows(request).await.unwrap().into_inner();
            (page.rows, page.next_page_token, page.total_size)
        });
        assert_eq!(found.await, on_the_wire);
        if outcome == pb::RowOutcome::Unspecified {
            let own = self.server.db.tenant(self.places[*shop].tenant_id);
            let found = own.all_import_rows(*id, None).await.unwrap();
            assert_eq!(found, expected);
            assert_eq!(own.frequent_issues(*id, 2).await.unwrap(), frequent(&expected, 2));
        }
    }

    pub(super) async fn compare_withdrawn(&self, at: usize) {
        let (shop, _, id, _) = &self.imports[at];
        let patterns = &self.shops[*shop].patterns;
        let expected = self.of(at).withdrawn().filter_map(|id| Some(wire::pattern(id, patterns.get(&id)?)));
        let expected: Vec<_> = expected.collect();
        let found = pages(2, async |page_size, page_token| {
            let request = pb::ListWithdrawnPatternsRequest {
                tenant: SHOPS[*shop].0.into(),
                id: id.to_string(),
                page_size,
                page_token,
                ..Default::default()
            };
            let page = self.client().list_withdrawn_patterns(request).await.unwrap().into_inner();
            (page.patterns, page.next_page_token, page.total_size)
        });
        assert_eq!(found.await, expected);
    }

    /// The imports that were not deleted.
    fn left(&self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.imports.len()).filter(|at| !self.of(*at).is_deleted)
    }

    /// All that can be asked about what happened.
    pub async fn compare_all(&self) {
        for tenant in ["evopoliki", "five_deluxe"] {
            let own = self.left().rev().filter(|at| SHOPS[self.imports[*at].0].0 == tenant);
            let mut expected = Vec::new();
            for at in own {
                expected.push(self.get(at).await);
            }
            let found = pages(3, async |page_size, page_token| {
                let request =
                    pb::ListImportsRequest { tenant: tenant.into(), page_size, page_token, ..Default::default() };
                let page = self.client().list_imports(request).await.unwrap().into_inner();
                (page.imports, page.next_page_token, page.total_size)
            });
            assert_eq!(found.await, expected);
            let request = pb::ListImportsRequest { tenant: tenant.into(), skip: 2, page_size: 2, ..Default::default() };
            let page = self.client().list_imports(request).await.unwrap().into_inner();
            assert_eq!(page.imports, expected.iter().skip(2).take(2).cloned().collect::<Vec<_>>());
            assert_eq!(page.total_size as usize, expected.len());
        }
        for at in self.left() {
            self.compare_withdrawn(at).await;
            self.compare_rows(at, pb::RowOutcome::try_from(at as i32 % 7).unwrap()).await;
        }
        let mut ids: Vec<(usize, i64)> = self
            .imports
            .iter()
            .flat_map(|(shop, at, ..)| {
                self.shops[*shop].imports[*at].rows.iter().filter_map(|row| Some((*shop, row.pattern?)))
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        for (shop, id) in ids {
            self.compare_origin(shop, id).await;
        }
    }

    pub(super) async fn compare_origin(&self, shop: usize, pattern_id: i64) {
        let mut expected = Vec::new();
        for at in self.left().rev().filter(|at| self.imports[*at].0 == shop) {
            let import = self.of(at);
            if !matches!(import.state, State::Succeeded | State::Reverted) {
                continue;
            }
            for place in 0..import.rows.len() {
                if import.rows[place].pattern == Some(pattern_id) {
                    let row = wire::row(&kept(import, place));
                    expected.push((
                        self.imports[at].2.to_string(),
                        wire::file_name(at),
                        wire::state(import.state),
                        row,
                    ));
                }
            }
        }
        // Of a pattern that is gone and that only a preview names nobody knows any more.
        if expected.is_empty() {
            return;
        }
        let found = pages(2, async |page_size, page_token| {
            let request = pb::ListPatternRowsRequest {
                tenant: SHOPS[shop].0.into(),
                pattern_id: pattern_id.to_string(),
                page_size,
                page_token,
                ..Default::default()
            };
            let page = self.client().list_pattern_rows(request).await.unwrap().into_inner();
            (page.rows, page.next_page_token, page.total_size)
        });
        let found: Vec<_> = found
            .await
            .into_iter()
            .map(|found| {
                let state = found.state();
                (found.import_id, found.file_name, state, found.row.unwrap())
            })
            .collect();
        assert_eq!(found, expected, "where {pattern_id} comes from");
        let other = SHOPS.iter().map(|shop| shop.0).find(|tenant| *tenant != SHOPS[shop].0).unwrap();
        let request = pb::ListPatternRowsRequest {
            tenant: other.into(),
            pattern_id: pattern_id.to_string(),
            ..Default::default()
        };
        let status = self.client().list_pattern_rows(request).await.unwrap_err();
        assert_eq!(status.get_error_details().error_info().unwrap().reason, "PATTERN_NOT_FOUND");
    }
}

/// All pages of a list, each of at most this size.
async fn pages<T>(size: i32, list: impl AsyncFn(i32, String) -> (Vec<T>, String, i32)) -> Vec<T> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let (items, next, total) = list(size, token).await;
        assert!(items.len() as i32 == size || next.is_empty(), "a page that is not full is the last");
        assert!(!items.is_empty() || next.is_empty());
        all.extend(items);
        assert!(all.len() as i32 <= total, "pages that repeat items");
        if next.is_empty() {
            assert_eq!(all.len() as i32, total);
            return all;
        }
        token = next;
    }
}

/// A row as it should be kept.
fn kept(import: &Import, place: usize) -> ImportRow {
    let row = &import.rows[place];
    let stored = row.clean.issues.iter().map(|issue| StoredIssue {
        code: issue.code.word().into(),
        field: issue.field.into(),
        message: issue.message.clone(),
        suggestion: issue.suggestion.clone(),
    });
    let is_stranger = row.clean.is_accepted() && !is_known(&row.clean);
    let stranger = is_stranger.then(|| StoredIssue {
        code: "model_unknown".into(),
        field: "model".into(),
        message: format!("марки или модели «{} {}» нет в справочнике", row.clean.brand, row.clean.model),
        suggestion: String::new(),
    });
    let change = row.pattern.filter(|_| row.outcome == Outcome::Updated).and_then(|id| import.changes.get(&id));
    ImportRow {
        position: place as i32 + 1,
        row: CleanRow { issues: Vec::new(), ..row.clean.clone() },
        outcome: row.outcome,
        pattern_id: row.pattern,
        same_as: row.same_as.map(|same| {
            let same = &import.rows[same].clean;
            (same.page_number, same.row_number)
        }),
        changes: change.into_iter().map(|change| wire::change(change.is_withdrawal)).collect(),
        issues: stored.chain(stranger).collect(),
    }
}

/// The issues that most rows have.
fn frequent(rows: &[ImportRow], most: usize) -> Vec<FrequentIssue> {
    let mut by_kind: BTreeMap<(&str, &str), (i64, &str)> = BTreeMap::new();
    for issue in rows.iter().flat_map(|row| &row.issues) {
        let (rows, suggestion) = by_kind.entry((&issue.code, &issue.message)).or_insert((0, &issue.suggestion));
        *rows += 1;
        *suggestion = (*suggestion).min(&issue.suggestion);
    }
    let mut issues: Vec<_> = by_kind
        .into_iter()
        .map(|((code, message), (rows, suggestion))| FrequentIssue {
            code: code.into(),
            message: message.into(),
            suggestion: suggestion.into(),
            rows,
        })
        .collect();
    issues.sort_by_key(|issue| -issue.rows);
    issues.truncate(most);
    issues
}
