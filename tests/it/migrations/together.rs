//! Many starters at once, and a holder of the lock that is killed.

use futures::future::join_all;
use lekalo::db::migrations;
use lekalo_migrate::{DownTo, UpTo, Upgrade};
use tokio_postgres::Config;

use super::NO_TLS;
use crate::support::empty_database;

const STARTERS: usize = 16;

/// All come up, and of each migration it was one of them that applied it.
async fn start_together(config: &Config, pending: usize) {
    let shipped = migrations::shipped();
    let upgrades: Vec<Upgrade> =
        join_all((0..STARTERS).map(|_| async { shipped.up(config, NO_TLS, UpTo::Head).await.unwrap() })).await;
    assert!(upgrades.iter().all(|upgrade| upgrade.position.current == shipped.latest()), "{upgrades:?}");
    let mut applied: Vec<usize> = upgrades.iter().map(|upgrade| upgrade.applied.len()).collect();
    applied.sort_unstable();
    assert_eq!(applied.pop(), Some(pending), "one applies all");
    assert!(applied.iter().all(|number| *number == 0), "the rest wait and go on: {applied:?}");
}

#[tokio::test]
async fn sixteen_starters_come_up_on_an_empty_database_and_during_an_upgrade() {
    let config = empty_database().await;
    let latest = migrations::shipped().latest();
    start_together(&config, latest as usize).await;
    migrations::shipped().down(&config, NO_TLS, DownTo::Version(latest - 1)).await.unwrap();
    start_together(&config, 1).await;
}
