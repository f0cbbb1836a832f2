//! Whose bot it is: what a shop says of itself alone counts for nothing.

use std::collections::{BTreeMap, BTreeSet};

use lekalo::domain::api_key::{Reach, Role};
use lekalo::proto::lekalo::v1 as pb;
use prost::Message as _;
use tonic::Code;

use super::callers::{FOREIGN, answered, told};
use super::keys::{guarded, issue, tenant};
use super::requests::TENANT;
use crate::support::database;
use crate::support::random::Random;
use crate::support::wire::{Wire, encoded};

const IDS: [&str; 3] = ["1", "2", "7000000001"];

/// The ids of the bots that each shop has, and of those that it says it has.
#[derive(Default)]
struct Shop {
    bots: BTreeSet<&'static str>,
    claims: BTreeSet<&'static str>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_speaks_for_a_shop_once_an_admin_of_all_has_named_it() {
    let server = guarded(database().await).await;
    let wire = Wire::connect(server.addr).await;
    let slugs = [TENANT, FOREIGN];
    let admin = issue(&server.db, Role::Admin, Reach::All, None).await.key;
    let mut own = BTreeMap::new();
    for slug in slugs {
        let reach = Reach::Tenants(vec![tenant(&server.db, slug).await]);
        own.insert(slug, issue(&server.db, Role::Admin, reach, None).await.key);
    }
    let mut shops: BTreeMap<&str, Shop> = slugs.map(|slug| (slug, Shop::default())).into();
    let (mut random, mut seen) = (Random(7), BTreeSet::new());
    for step in 0..60 {
        let (slug, other) = if random.below(2) == 0 { (TENANT, FOREIGN) } else { (FOREIGN, TENANT) };
        let approves = random.below(3) == 0;
        let named: BTreeSet<&str> = IDS.into_iter().filter(|_| random.below(2) == 0).collect();
        let pending: BTreeSet<&str> = named.iter().copied().filter(|_| random.below(3) == 0).collect();
        let channels = named.iter().map(|id| pb::TenantChannel {
            channel: pb::Channel::Telegram.into(),
            external_id: (*id).to_owned(),
            pending: pending.contains(id),
        });
        let update = pb::UpdateTenantRequest {
            tenant: Some(pb::Tenant { slug: slug.into(), channels: channels.collect(), ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["channels".into()] }),
            ..Default::default()
        };
        let key = if approves { &admin } else { &own[slug] };
        let answer = answered(&wire, "/lekalo.v1.TenantService/UpdateTenant", &[encoded(&update)], Some(key)).await;
        // What a shop says of it itself is no approval.
        let approved = if approves { &named - &pending } else { BTreeSet::new() };
        let taken = |ids: &BTreeSet<&str>| ids.iter().any(|id| shops[other].bots.contains(id));
        let is_claimed = taken(&(&named - &approved));
        if taken(&approved) {
            assert_eq!(told(&answer.status), (Code::AlreadyExists, "CHANNEL_TAKEN".into()), "{step}");
            seen.insert("refused");
        } else {
            assert_eq!(answer.status.code(), Code::Ok, "{step}: {:?}", answer.status);
            let shop = shops.get_mut(slug).unwrap();
            seen.extend((!shop.claims.is_disjoint(&approved)).then_some("approved"));
            seen.extend((approves && !shop.claims.is_disjoint(&pending)).then_some("left as it was"));
            seen.extend(is_claimed.then_some("another's claimed"));
            shop.bots.retain(|id| named.contains(id));
            seen.extend((!approves && !shop.bots.is_empty()).then_some("kept"));
            shop.bots.extend(&approved);
            shop.claims = &named - &shop.bots;
            let answer = pb::UpdateTenantResponse::decode(answer.messages[0].clone()).unwrap();
            let told: BTreeSet<(String, bool)> =
                answer.tenant.unwrap().channels.into_iter().map(|bot| (bot.external_id, bot.pending)).collect();
            let bots = shop.bots.iter().map(|id| ((*id).to_owned(), false));
            let claims = shop.claims.iter().map(|id| ((*id).to_owned(), true));
            assert_eq!(told, bots.chain(claims).collect(), "{step}");
        }
        // To whoever may know: whose it is; to the others nothing, be it another's or nobody's.
        for id in IDS {
            let owner = slugs.into_iter().find(|slug| shops[slug].bots.contains(id));
            let ask =
                encoded(&pb::ResolveTenantRequest { channel: pb::Channel::Telegram.into(), external_id: id.into() });
            for (key, may_know) in [(&admin, owner), (&own[slug], owner.filter(|owner| *owner == slug))] {
                let path = "/lekalo.v1.TenantService/ResolveTenant";
                let answer = answered(&wire, path, std::slice::from_ref(&ask), Some(key)).await;
                let Some(owner) = may_know else {
                    assert_eq!(told(&answer.status), (Code::NotFound, "TENANT_NOT_FOUND".into()), "{step}: {id}");
                    continue;
                };
                let found = pb::ResolveTenantResponse::decode(answer.messages[0].clone()).unwrap();
                assert_eq!(found.tenant.unwrap().slug, owner, "{step}: {id}");
            }
        }
    }
    assert_eq!(seen, ["another's claimed", "approved", "kept", "left as it was", "refused"].into());
}
