//! Spellings that shops teach: understood at once where they are taught and soon on every other server, forgotten as soon.

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use tonic::transport::Channel;

use crate::support::TestServer;

/// Make and model that a text is understood as, by slugs; both empty where it is no car.
async fn understood(server: &TestServer, text: &str, make: &str) -> (String, String) {
    let request = pb::ResolveVehicleRequest { text: text.into(), brand: make.into(), ..Default::default() };
    let found = CatalogServiceClient::new(server.channel.clone()).resolve_vehicle(request).await.unwrap().into_inner();
    found.candidates.into_iter().next().map(|first| (first.brand, first.model)).unwrap_or_default()
}

async fn teach(admin: &mut AdminServiceClient<Channel>, brand: &str, model: &str, alias: &str) {
    let (brand, model, alias) = (brand.into(), model.into(), alias.into());
    let request = pb::CreateAliasRequest { brand, model, alias, ..Default::default() };
    admin.create_alias(request).await.unwrap();
}

async fn forget(admin: &mut AdminServiceClient<Channel>, brand: &str, model: &str, alias: &str) {
    let request = pb::DeleteAliasRequest { brand: brand.into(), model: model.into(), alias: alias.into() };
    admin.delete_alias(request).await.unwrap();
}

/// Waits until a server understands it so.
async fn until_understood(server: &TestServer, text: &str, expected: (String, String)) {
    let began = std::time::Instant::now();
    while understood(server, text, "").await != expected {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "{text} is not {expected:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_one_server_is_taught_or_forgets_it_knows_at_once_and_every_other_soon() {
    let one = TestServer::start().await;
    let other = TestServer::over(one.config.clone()).await;
    let (mut at_one, mut at_other) =
        (AdminServiceClient::new(one.channel.clone()), AdminServiceClient::new(other.channel.clone()));
    let car = |brand: &str, model: &str| (brand.to_owned(), model.to_owned());

    assert_eq!(understood(&one, "щщжкабр", "").await, car("", ""), "nobody has taught it");
    // Each time that a spelling is new to a server it reads them all, which takes a while.
    teach(&mut at_one, "toyota", "camry", "щщжкабр").await;
    assert_eq!(understood(&one, "щщжкабр", "").await, car("toyota", "camry"), "at once");
    teach(&mut at_other, "kia", "", "фырчавка").await;
    assert_eq!(understood(&other, "фырчавка", "").await, car("kia", ""), "at once");
    until_understood(&one, "фырчавка", car("kia", "")).await;
    for server in [&one, &other] {
        assert_eq!(understood(server, "щщжкабр", "").await, car("toyota", "camry"));
        assert_eq!(understood(server, "фырчавка", "").await, car("kia", ""), "a brand's spelling is no model's");
        assert_eq!(understood(server, "рио", "фырчавка").await, car("kia", "rio"), "what is known is known still");
    }

    let late = TestServer::over(one.config.clone()).await;
    assert_eq!(understood(&late, "щщжкабр", "").await, car("toyota", "camry"), "from the first question on");

    forget(&mut at_other, "toyota", "camry", "ЩЩЖКАБР").await;
    forget(&mut at_other, "kia", "", "фырчавка").await;
    assert_eq!(understood(&other, "щщжкабр", "").await, car("", ""), "forgotten at once");
    until_understood(&one, "фырчавка", car("", "")).await;
    assert_eq!(understood(&one, "щщжкабр", "").await, car("", ""));
}
