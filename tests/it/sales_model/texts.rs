//! Texts beside plain maps: whatever shops write and the program ships, bots read the shop's own before the shared ones,
//! in the language asked for, the shop's, Russian, any.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use prost_types::FieldMask;
use tokio::time::{sleep, timeout};
use tonic::Code;
use tonic::transport::Channel;

use super::random::Random;
use super::requests::violations;
use crate::support::catalog::RAISE_SHARED;
use crate::support::{TestServer, connect};

const TENANTS: [&str; 2] = ["evopoliki", "five_deluxe"];
const LANGUAGES: [&str; 3] = ["ru", "ky", "en"];
/// Bytes decide their order: `.` before digits before `_` before letters.
const KEYS: [&str; 9] = ["a.b", "a_b", "a1", "ab", "a", "welcome", "back", "zz", "never_written"];

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Phrase(String),
    List(Vec<String>),
    Flag(bool),
}

impl Said {
    /// It as it comes: as a phrase, too.
    fn told(&self, text: pb::Text) -> pb::Text {
        match self {
            Self::Phrase(value) => pb::Text { value: value.clone(), ..text },
            Self::List(items) => {
                pb::Text { value: items.join("\n"), list: Some(pb::TextList { items: items.clone() }), ..text }
            }
            Self::Flag(flag) => {
                let value = if *flag { "true" } else { "false" };
                pb::Text { value: value.into(), flag: Some(*flag), ..text }
            }
        }
    }

    /// What was sent.
    fn of(text: &pb::Text) -> Self {
        match (&text.list, text.flag) {
            (None, None) => Self::Phrase(text.value.clone()),
            (Some(list), _) => Self::List(list.items.clone()),
            (None, Some(flag)) => Self::Flag(flag),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Phrase(_) => "value",
            Self::List(_) => "list",
            Self::Flag(_) => "flag",
        }
    }

    fn placeholders(&self) -> BTreeSet<String> {
        let Self::Phrase(words) = self else {
            let Self::List(items) = self else { return BTreeSet::new() };
            return Self::Phrase(items.concat()).placeholders();
        };
        words.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect()
    }

    /// Why it does not stand beside what its key says in another language.
    fn clash(&self, other: &Self) -> Option<&'static str> {
        if self.kind() != other.kind() {
            return Some("TEXT_KINDS_DIFFER");
        }
        (self.placeholders() != other.placeholders()).then_some("PLACEHOLDERS_DIFFER")
    }
}

/// By key and language.
type Rows = BTreeMap<(String, String), Said>;
/// Fields, and why each is refused.
type Violations = BTreeSet<(String, String)>;

struct Model {
    shared: Rows,
    own: BTreeMap<&'static str, Rows>,
    default: BTreeMap<&'static str, &'static str>,
}

impl Model {
    fn keys(&self, tenant: &str) -> BTreeSet<&str> {
        self.shared.keys().chain(self.own[tenant].keys()).map(|(key, _)| key.as_str()).collect()
    }

    /// What the bot says, and whose it is.
    fn text(&self, tenant: &str, key: &str, asked: &str) -> Option<pb::Text> {
        let mut order = vec![asked, self.default[tenant], "ru"];
        order.extend(LANGUAGES);
        let found = order.into_iter().find_map(|language| {
            let place = (key.to_owned(), language.to_owned());
            let own = self.own[tenant].get(&place).map(|value| (value, pb::TextSource::Tenant));
            own.or_else(|| self.shared.get(&place).map(|value| (value, pb::TextSource::Shared)))
                .map(|text| (language, text))
        });
        found.map(|(language, (said, source))| {
            let (key, language, source) = (key.to_owned(), language.to_owned(), source.into());
            said.told(pb::Text { key, language, source, ..Default::default() })
        })
    }

    /// The places of new texts that are unlike those of the other languages, and how.
    fn mismatches(&self, tenant: &str, new: &[pb::Text]) -> Vec<(String, String)> {
        let is_new = |key: &str, language: &str| new.iter().any(|text| text.key == key && text.language == language);
        let mut languages = LANGUAGES;
        languages.sort_unstable();
        let kept = |key: &str| {
            let kept = languages.iter().filter(|language| !is_new(key, language)).find_map(|language| {
                let place = (key.to_owned(), (*language).to_owned());
                self.own[tenant].get(&place).or_else(|| self.shared.get(&place))
            });
            kept.cloned()
        };
        let differs = |(place, text): (usize, &pb::Text)| {
            let before = new[..place].iter().find(|other| other.key == text.key).map(Said::of);
            let said = Said::of(text);
            let clash = said.clash(&kept(&text.key).or(before)?)?;
            Some((format!("texts[{place}].{}", said.kind()), clash.to_owned()))
        };
        new.iter().enumerate().filter_map(differs).collect()
    }
}

impl Model {
    /// What DeleteTexts would answer: how many texts go, under which of the keys none; or which keys it is refused for.
    fn deleted(
        &mut self,
        tenant: &'static str,
        keys: &[&str],
        languages: &[&str],
    ) -> Result<(i32, Vec<String>), Violations> {
        let own = &self.own[tenant];
        let goes = |key: &str, in_language: &str| {
            keys.contains(&key) && (languages.is_empty() || languages.contains(&in_language))
        };
        let going: Vec<_> = own.keys().filter(|(key, language)| goes(key, language)).cloned().collect();
        let clashes = |key: &str| {
            let stays = |(of, language): &&(String, String)| of == key && !goes(of, language);
            let staying: Vec<_> = own.keys().filter(stays).map(|place| &own[place]).collect();
            let returning = going.iter().filter(|(of, _)| of == key).filter_map(|place| self.shared.get(place));
            returning.filter_map(|said| staying.iter().find_map(|other| said.clash(other))).collect::<Vec<_>>()
        };
        let mut once: Vec<&str> = Vec::new();
        keys.iter().for_each(|key| once.extend((!once.contains(key)).then_some(*key)));
        let refused = |(place, key): (usize, &&str)| {
            clashes(key).into_iter().map(move |clash| (format!("keys[{place}]"), clash.to_owned())).collect::<Vec<_>>()
        };
        let refused: BTreeSet<_> = once.iter().enumerate().flat_map(refused).collect();
        if !refused.is_empty() {
            return Err(refused);
        }
        let missing = once.into_iter().filter(|key| going.iter().all(|(of, _)| of != key)).map(str::to_owned).collect();
        let own = self.own.get_mut(tenant).unwrap();
        going.iter().for_each(|place| _ = own.remove(place));
        Ok((going.len() as i32, missing))
    }
}

fn used(asked: &str, texts: &[pb::Text]) -> String {
    let has = texts.iter().any(|text| text.language == asked);
    let first = texts.first().map(|text| text.language.clone());
    if has { asked.to_owned() } else { first.unwrap_or_else(|| asked.to_owned()) }
}

struct Bots {
    texts: TextServiceClient<Channel>,
    tenants: TenantServiceClient<Channel>,
}

impl Bots {
    async fn catalog_version(&mut self, tenant: &str) -> String {
        let request = pb::GetTenantRequest { tenant: tenant.into() };
        self.tenants.get_tenant(request).await.unwrap().into_inner().tenant.unwrap().catalog_version
    }

    async fn version(&mut self, tenant: &str) -> String {
        let request = pb::BatchGetTextsRequest { tenant: tenant.into(), keys: vec!["x".into()], ..Default::default() };
        self.texts.batch_get_texts(request).await.unwrap().into_inner().version
    }

    /// What clients may cache by: of the tenant's catalog and of its texts.
    async fn versions(&mut self) -> BTreeMap<&'static str, (String, String)> {
        let mut versions = BTreeMap::new();
        for tenant in TENANTS {
            versions.insert(tenant, (self.catalog_version(tenant).await, self.version(tenant).await));
        }
        versions
    }

    /// What is written past a server is seen there within a moment.
    async fn see_what_was_shipped(&mut self, before: &BTreeMap<&'static str, (String, String)>) {
        for tenant in TENANTS {
            let seen = async {
                while self.version(tenant).await == before[tenant].1 {
                    sleep(Duration::from_millis(10)).await;
                }
            };
            timeout(Duration::from_secs(10), seen).await.expect("a text that was shipped is not seen");
        }
    }

    async fn compare(&mut self, model: &Model, tenant: &str, random: &mut Random) {
        let language = random.of(&["ru", "ky", "en", ""]);
        let asked = if language.is_empty() { model.default[tenant] } else { language };
        let keys: Vec<String> = (0..1 + random.below(6)).map(|_| random.of(&KEYS).to_owned()).collect();
        let base = pb::BatchGetTextsRequest { tenant: tenant.into(), language: language.into(), ..Default::default() };
        let request = pb::BatchGetTextsRequest { keys: keys.clone(), ..base.clone() };
        let answer = self.texts.batch_get_texts(request.clone()).await.unwrap().into_inner();
        let mut once = Vec::new();
        keys.into_iter().for_each(|key| once.extend((!once.contains(&key)).then_some(key)));
        let texts: Vec<_> = once.iter().filter_map(|key| model.text(tenant, key, asked)).collect();
        assert_eq!(answer.texts, texts, "{request:?}");
        once.retain(|key| model.text(tenant, key, asked).is_none());
        assert_eq!((answer.missing_keys, answer.language), (once, used(asked, &texts)), "{request:?}");

        let prefix = random.of(&["a", "a_", "a.", "we", "zz", "%", "as", "never"]);
        let request = pb::BatchGetTextsRequest { key_prefix: prefix.into(), ..base };
        let answer = self.texts.batch_get_texts(request.clone()).await.unwrap().into_inner();
        let all = model.keys(tenant);
        let begin = all.iter().filter(|key| key.starts_with(prefix));
        let texts: Vec<_> = begin.filter_map(|key| model.text(tenant, key, asked)).collect();
        assert_eq!(answer.texts, texts, "{request:?}");
        assert_eq!((answer.missing_keys, answer.language), (vec![], used(asked, &texts)), "{request:?}");

        let (mut listed, mut page_token) = (Vec::new(), String::new());
        let page_size = random.of(&[1 + i32::try_from(all.len()).unwrap() / 3, 500]);
        loop {
            let (tenant, language) = (tenant.to_owned(), language.to_owned());
            let request = pb::ListTextsRequest { tenant, language, page_size, page_token, skip: 0 };
            let page = self.texts.list_texts(request).await.unwrap().into_inner();
            assert_eq!(page.total_size, i32::try_from(all.len()).unwrap());
            assert_eq!(page.language, used(asked, &page.texts));
            listed.extend(page.texts);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let texts: Vec<_> = all.iter().filter_map(|key| model.text(tenant, key, asked)).collect();
        assert_eq!(listed, texts, "{tenant} {language}");
    }
}

/// Mostly of the kind that the key has.
fn something(random: &mut Random, key: &str, name: &str) -> Said {
    let kinds = match key {
        "a1" => ["list"; 6],
        "ab" => ["flag"; 6],
        "zz" => ["value", "list", "value", "list", "flag", "list"],
        _ => ["value"; 6],
    };
    match if random.below(12) == 0 { random.of(&["value", "list", "flag"]) } else { random.of(&kinds) } {
        "value" => Said::Phrase(format!(" {} {name}", random.below(2))),
        "list" => {
            let items = (0..=random.below(2)).map(|_| format!("{}\t", random.of(&["Ош", "Ош\nБишкек", "true"])));
            Said::List(items.chain((!name.is_empty()).then(|| format!("{name}?"))).collect())
        }
        _ => Said::Flag(random.below(2) == 0),
    }
}

fn some_texts(random: &mut Random) -> Vec<pb::Text> {
    let mut texts: Vec<pb::Text> = Vec::new();
    for _ in 0..=random.below(4) {
        let (key, language) = (random.of(&KEYS[..8]), random.of(&LANGUAGES));
        if texts.iter().any(|text| text.key == key && text.language == language) {
            continue;
        }
        let name = if key == "welcome" {
            random.of(&["{shop}", "{shop}", "{name}"])
        } else {
            random.of(&["", "", "", "", "", "{name}"])
        };
        // Whose it is is ours to say.
        let text = pb::Text { key: key.into(), language: language.into(), source: 2, ..Default::default() };
        let said = something(random, key, name);
        let told = said.told(text);
        let is_said_twice = random.below(2) == 0 || said.kind() == "value";
        texts.push(if is_said_twice { told } else { pb::Text { value: String::new(), ..told } });
    }
    texts
}

#[tokio::test]
async fn bots_say_what_plain_maps_say_whatever_was_written() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let mut bots = Bots {
        texts: TextServiceClient::new(server.channel.clone()),
        tenants: TenantServiceClient::new(server.channel.clone()),
    };
    let rows = owner.query("SELECT key, language, value FROM shared_texts", &[]).await.unwrap();
    let shared: Rows = rows.iter().map(|row| ((row.get(0), row.get(1)), Said::Phrase(row.get(2)))).collect();
    let mut model = Model {
        shared,
        own: TENANTS.map(|tenant| (tenant, Rows::new())).into(),
        default: TENANTS.map(|tenant| (tenant, "ru")).into(),
    };
    let mut random = Random::new();
    let (mut written, mut unchanged, mut refused, mut deleted, mut kept) = (0, 0, 0, 0, 0);
    for step in 0..100 {
        let before = bots.versions().await;
        let tenant = random.of(&TENANTS);
        let mut changes: BTreeSet<&str> = BTreeSet::new();
        let mut shows: BTreeSet<&str> = BTreeSet::new();
        match random.below(10) {
            // The program ships another text, or none.
            0 => {
                let (key, language) = (random.of(&KEYS[..8]), random.of(&LANGUAGES));
                let said = match something(&mut random, key, if key == "welcome" { "{shop}" } else { "" }) {
                    Said::Phrase(value) => Said::Phrase(format!("общий {step}{value}")),
                    said => said,
                };
                let told = said.told(pb::Text::default());
                let items = told.list.map(|list| list.items);
                let sql = "INSERT INTO shared_texts (key, language, value, items, flag) VALUES ($1, $2, $3, $4, $5)
                           ON CONFLICT (key, language) DO UPDATE
                           SET value = excluded.value, items = excluded.items, flag = excluded.flag";
                owner.execute(sql, &[&key, &language, &told.value, &items, &told.flag]).await.unwrap();
                owner.batch_execute(RAISE_SHARED).await.unwrap();
                changes.extend(TENANTS);
                if model.shared.insert((key.into(), language.into()), said.clone()) != Some(said) {
                    shows.extend(TENANTS);
                    bots.see_what_was_shipped(&before).await;
                }
            }
            1 => {
                let (key, language) = (random.of(&KEYS[..8]), random.of(&LANGUAGES));
                let sql = "DELETE FROM shared_texts WHERE key = $1 AND language = $2";
                let gone = owner.execute(sql, &[&key, &language]).await.unwrap();
                assert_eq!(gone == 1, model.shared.remove(&(key.to_owned(), language.to_owned())).is_some());
                if gone == 1 {
                    owner.batch_execute(RAISE_SHARED).await.unwrap();
                    changes.extend(TENANTS);
                    shows.extend(TENANTS);
                    bots.see_what_was_shipped(&before).await;
                }
            }
            2 => {
                let language = random.of(&LANGUAGES);
                let request = pb::UpdateTenantRequest {
                    tenant: Some(pb::Tenant {
                        slug: tenant.into(),
                        default_language: language.into(),
                        ..Default::default()
                    }),
                    update_mask: Some(FieldMask { paths: vec!["default_language".into()] }),
                    ..Default::default()
                };
                bots.tenants.update_tenant(request).await.unwrap();
                changes.insert(tenant);
                shows.extend((model.default.insert(tenant, language) != Some(language)).then_some(tenant));
            }
            3 | 4 => {
                let keys: Vec<&str> = (0..1 + random.below(3)).map(|_| random.of(&KEYS)).collect();
                let languages = random.of(&[&[][..], &["ru"], &["ky"], &["en", "ru"], &["ky", "ky", "en"]]);
                let request = pb::DeleteTextsRequest {
                    tenant: tenant.into(),
                    keys: keys.iter().map(|key| (*key).to_owned()).collect(),
                    languages: languages.iter().map(|language| (*language).to_owned()).collect(),
                    ..Default::default()
                };
                let answer = bots.texts.delete_texts(request.clone()).await.map(tonic::Response::into_inner);
                match model.deleted(tenant, &keys, languages) {
                    Ok((deleted_count, missing_keys)) => {
                        let expected = pb::DeleteTextsResponse { deleted_count, missing_keys };
                        assert_eq!(answer.unwrap(), expected, "{request:?}");
                        changes.extend((deleted_count > 0).then_some(tenant));
                        shows.extend((deleted_count > 0).then_some(tenant));
                        deleted += deleted_count;
                    }
                    Err(expected) => {
                        let refused: BTreeSet<_> = violations(&answer.unwrap_err()).into_iter().collect();
                        assert_eq!(refused, expected, "{request:?}");
                        kept += 1;
                    }
                }
            }
            _ => {
                let texts = some_texts(&mut random);
                let request =
                    pb::UpsertTextsRequest { tenant: tenant.into(), texts: texts.clone(), ..Default::default() };
                let expected = model.mismatches(tenant, &texts);
                match bots.texts.upsert_texts(request.clone()).await {
                    Err(status) => {
                        assert_eq!(status.code(), Code::InvalidArgument, "{request:?}");
                        assert_eq!(violations(&status), expected, "{request:?}");
                        refused += 1;
                    }
                    Ok(answer) => {
                        assert_eq!(expected, [], "{request:?}");
                        let source = pb::TextSource::Tenant.into();
                        let own: Vec<_> =
                            texts.into_iter().map(|text| Said::of(&text).told(pb::Text { source, ..text })).collect();
                        assert_eq!(answer.into_inner().texts, own);
                        let rows = model.own.get_mut(tenant).unwrap();
                        for text in own {
                            let said = Said::of(&text);
                            if rows.insert((text.key, text.language), said.clone()) != Some(said) {
                                changes.insert(tenant);
                            }
                        }
                        shows.extend(changes.iter());
                        written += 1;
                        unchanged += usize::from(changes.is_empty());
                    }
                }
            }
        }
        let after = bots.versions().await;
        for tenant in TENANTS {
            assert_eq!(
                after[tenant].0 != before[tenant].0,
                changes.contains(tenant),
                "{step}: catalog_version of {tenant}"
            );
            assert_eq!(after[tenant].1 != before[tenant].1, shows.contains(tenant), "{step}: version of {tenant}");
        }
        bots.compare(&model, tenant, &mut random).await;
    }
    println!("{written} written, {unchanged} of them as they were, {refused} refused, {deleted} deleted, {kept} kept");
    assert!(written > 15 && unchanged > 0 && refused > 5 && deleted > 5, "{written} {unchanged} {refused} {deleted}");

    // A prefix brings so many, the first of them.
    let before = bots.versions().await;
    owner
        .batch_execute(
            "INSERT INTO bot_texts (tenant_id, key, language, value)
             SELECT id, 'many_' || n, 'ru', 'x' FROM tenants, generate_series(1000, 1600) AS n;
             UPDATE tenants SET catalog_version = catalog_version + 1",
        )
        .await
        .unwrap();
    bots.see_what_was_shipped(&before).await;
    let many = pb::BatchGetTextsRequest { tenant: TENANTS[0].into(), key_prefix: "many_".into(), ..Default::default() };
    let many = bots.texts.batch_get_texts(many).await.unwrap().into_inner().texts;
    let keys: Vec<_> = many.into_iter().map(|text| text.key).collect();
    assert_eq!(keys, (1000..1500).map(|number| format!("many_{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn long_texts_come_whole_and_no_answer_is_longer_than_clients_take() {
    let server = TestServer::start().await;
    let mut texts = TextServiceClient::new(server.channel.clone());
    let tenant = || TENANTS[0].to_owned();
    // Of three bytes each, so that a few fill an answer.
    let long = |key: usize| pb::Text {
        key: format!("long_{key:02}"),
        value: "€".repeat(65_536),
        language: "ru".into(),
        source: pb::TextSource::Tenant.into(),
        ..Default::default()
    };
    let all: Vec<pb::Text> = (0..20).map(long).collect();
    let write =
        |texts: &[pb::Text]| pb::UpsertTextsRequest { tenant: tenant(), texts: texts.to_vec(), ..Default::default() };
    let refused = texts.upsert_texts(write(&all)).await.unwrap_err();
    assert_eq!(violations(&refused), [("texts".to_owned(), "FIELD_TOO_LONG".to_owned())]);
    for some in all.chunks(10) {
        assert_eq!(texts.upsert_texts(write(some)).await.unwrap().into_inner().texts, some);
    }
    let (mut keys, mut read, mut answers) =
        (all.iter().map(|text| text.key.clone()).collect::<Vec<_>>(), Vec::new(), 0);
    while !keys.is_empty() {
        let request = pb::BatchGetTextsRequest { tenant: tenant(), keys, ..Default::default() };
        let answer = texts.batch_get_texts(request).await.unwrap().into_inner();
        assert!(answer.missing_keys.is_empty() && !answer.texts.is_empty());
        (keys, answers) = (answer.remaining_keys, answers + 1);
        read.extend(answer.texts);
    }
    assert_eq!((read, answers), (all, 2));
    let request = pb::BatchGetTextsRequest { tenant: tenant(), key_prefix: "long_".into(), ..Default::default() };
    let answer = texts.batch_get_texts(request).await.unwrap().into_inner();
    assert_eq!((answer.texts.len(), answer.remaining_keys), (10, vec![]));

    // A list is answered as its items and as a phrase.
    let list = |key: usize| {
        let items = vec!["€".repeat(4000); 16];
        Said::List(items).told(pb::Text { key: format!("list_{key:02}"), value: String::new(), ..long(key) })
    };
    let lists: Vec<pb::Text> = (0..6).map(list).collect();
    let refused = texts.upsert_texts(write(&lists)).await.unwrap_err();
    assert_eq!(violations(&refused), [("texts".to_owned(), "FIELD_TOO_LONG".to_owned())]);
    for some in lists.chunks(5) {
        assert_eq!(texts.upsert_texts(write(some)).await.unwrap().into_inner().texts, some);
    }
    let request = pb::BatchGetTextsRequest { tenant: tenant(), key_prefix: "list_".into(), ..Default::default() };
    assert_eq!(texts.batch_get_texts(request).await.unwrap().into_inner().texts, lists[..5]);
}
