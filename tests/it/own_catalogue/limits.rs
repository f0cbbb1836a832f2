//! How much a category has at most. What is there already stays, however much it is.

use lekalo::proto::lekalo::v1 as pb;
use tonic::{Code, Status};

use super::calls::*;
use crate::support::pricing::{fields, metadata, reason};
use crate::support::{TestServer, connect};

/// 19 options of 50 values each, in the shop's own category.
const MANY: &str = "
    INSERT INTO tenant_options (tenant_id, option_id, category_id, code, kind, names)
    SELECT t.id, -n, -1, 'option_' || n, 'choice', jsonb_build_object('ru', 'x') FROM tenants t, generate_series(1, 19) n
    WHERE t.slug = 'new_shop';
    INSERT INTO tenant_option_values (tenant_id, value_id, option_id, code, names, sort_order)
    SELECT o.tenant_id, option_id * 100 - n, option_id, 'value_' || n, jsonb_build_object('ru', 'x'), n
    FROM tenant_options o, generate_series(1, 50) n";

/// What a violation of `option.values` names as the most there may be.
fn most(status: &Status) -> String {
    assert_eq!(fields(status), [("option.values".to_owned(), "FIELD_TOO_LONG".to_owned())], "{status:?}");
    assert_eq!(status.code(), Code::InvalidArgument);
    metadata(status, "max")
}

fn codes(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("value_{n}")).collect()
}

fn of(count: usize) -> pb::ShopOption {
    choice("Нить", &codes(count).iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_category_has_a_hundred_options_and_a_thousand_values_at_most() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let mut client = Client::new(server.channel.clone());
    open(&server).await;
    create_category(&mut client, "door_panels", named("Дверные карты")).await.unwrap();
    owner.batch_execute(MANY).await.unwrap();
    let refused = create_option(&mut client, "door_panels", "thread", of(51)).await.unwrap_err();
    assert_eq!(most(&refused), "50");
    let thread = create_option(&mut client, "door_panels", "thread", of(48)).await.unwrap();
    let refused = create_option(&mut client, "door_panels", "colour", of(3)).await.unwrap_err();
    assert_eq!(most(&refused), "1000");
    let colour = create_option(&mut client, "door_panels", "colour", of(2)).await.unwrap();

    // It is full: no value comes, not for one that retires either; what else is said of them is written.
    for full in [of(49), choice("Нить", &["another"])] {
        let full = pb::ShopOption { code: "thread".into(), etag: thread.etag.clone(), ..full };
        assert_eq!(most(&update_option(&mut client, "door_panels", full, &["values"]).await.unwrap_err()), "1000");
    }
    let fewer = pb::ShopOption { code: "thread".into(), etag: thread.etag, ..of(10) };
    let fewer = update_option(&mut client, "door_panels", fewer, &["values"]).await.unwrap();
    assert_eq!(fewer.values.iter().filter(|value| value.retired).count(), 38);
    let again = pb::ShopOption { etag: fewer.etag, code: fewer.code, ..of(48) };
    let again = update_option(&mut client, "door_panels", again, &["values"]).await.unwrap();
    assert!(again.values.iter().all(|value| !value.retired));
    // Another category has room of its own.
    create_option(&mut client, "5d_mats", "thread", of(50)).await.unwrap();

    // More than there may be, of a time without this limit.
    let older = "INSERT INTO tenant_option_values (tenant_id, value_id, option_id, code, names, sort_order)
                 SELECT tenant_id, -90000 - n, option_id, 'older_' || n, jsonb_build_object('ru', 'x'), 100 + n
                 FROM tenant_options, generate_series(1, 30) n WHERE code = 'colour'";
    owner.batch_execute(older).await.unwrap();
    let changed = pb::ShopOption { code: "colour".into(), etag: colour.etag, ..of(2) };
    let changed = update_option(&mut client, "door_panels", changed, &["values"]).await.unwrap();
    assert_eq!((changed.values.len(), changed.values.iter().filter(|value| value.retired).count()), (32, 30));
    let another = pb::ShopOption { code: "colour".into(), etag: changed.etag, ..of(3) };
    assert_eq!(most(&update_option(&mut client, "door_panels", another, &["values"]).await.unwrap_err()), "1000");

    let addon = pb::ShopOption { kind: pb::OptionKind::Addon.into(), ..choice("Кант", &[]) };
    for number in 21..100 {
        create_option(&mut client, "door_panels", &format!("addon_{number}"), addon.clone()).await.unwrap();
    }
    assert_eq!(options(&mut client, "door_panels").await.unwrap().len(), 100);
    let refused = create_option(&mut client, "door_panels", "one_more", addon).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "OPTION_LIMIT".to_owned()));
    assert_eq!(metadata(&refused, "max"), "100");
}
