//! The index of car names with the aliases that shops have taught, kept current on every server.
//!
//! The shipped index serves as long as nobody taught or deleted an alias. Each such change raises a version in the
//! database; whoever looks at versions there says so ([`LiveIndex::note`]), and the aliases are read anew while the index before
//! answers.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

use crate::db::Db;
use crate::domain::error::{Error, Result};
use crate::domain::vehicle::{Alias, slug};
use crate::metrics::read_gauge;
use lekalo_vehicles::{Index, Reference};

/// The version of a reference whose aliases nobody changed.
const AS_SHIPPED: i64 = 1;

/// Hands out the current index.
pub struct LiveIndex {
    db: Db,
    /// None: the shipped one.
    current: RwLock<Option<Arc<Index>>>,
    /// One reads the aliases anew, the others wait for it.
    building: Mutex<()>,
    /// The version of `current`.
    known: AtomicI64,
    /// Whether somebody has asked without waiting.
    is_asked: AtomicBool,
    /// Whether somebody has said which version the database has.
    is_followed: AtomicBool,
}

/// An index to look names up in.
#[derive(Clone)]
pub enum Shared {
    Shipped(&'static Index),
    Taught(Arc<Index>),
}

impl std::ops::Deref for Shared {
    type Target = Index;

    fn deref(&self) -> &Index {
        match self {
            Self::Shipped(index) => index,
            Self::Taught(index) => index,
        }
    }
}

impl LiveIndex {
    /// Starts with the shipped aliases.
    pub fn new(db: Db) -> Self {
        Self {
            db,
            current: RwLock::default(),
            building: Mutex::default(),
            known: AtomicI64::new(AS_SHIPPED),
            is_asked: AtomicBool::default(),
            is_followed: AtomicBool::default(),
        }
    }

    /// Registers what is counted here.
    pub fn register_metrics(self: &Arc<Self>, registry: &mut Registry) {
        let live = self.clone();
        read_gauge(registry, "lekalo_reference_version", "The version of names that this server knows", move || {
            live.known.load(Ordering::Relaxed) as f64
        });
    }

    /// The index with every alias taught up to now.
    pub async fn current(&self) -> Result<Shared> {
        let version = self.db.reference_version().await?;
        let _turn = self.building.lock().await;
        if self.known.load(Ordering::Relaxed) < version {
            let taught = self.db.all_aliases().await?;
            let build = move || Index::new(with_aliases(Index::shipped().reference(), taught));
            let index = tokio::task::spawn_blocking(build).await.map_err(Error::internal)?;
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(index));
            self.known.store(version, Ordering::Relaxed);
        }
        Ok(self.at_hand())
    }

    /// The index as it is known to be, without a look at the database where somebody follows it.
    pub async fn known(&self) -> Result<Shared> {
        self.is_asked.store(true, Ordering::Relaxed);
        if self.is_followed.load(Ordering::Relaxed) { Ok(self.at_hand()) } else { self.current().await }
    }

    /// Whether somebody wants it followed.
    pub fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Relaxed)
    }

    /// The database has this version by now.
    pub fn note(self: &Arc<Self>, version: i64) {
        // One who builds already will find it; else the next look will.
        if self.known.load(Ordering::Relaxed) >= version {
            self.is_followed.store(true, Ordering::Relaxed);
        } else if self.building.try_lock().is_ok() {
            let index = self.clone();
            tokio::spawn(async move {
                match index.current().await {
                    Ok(_) => index.is_followed.store(true, Ordering::Relaxed),
                    Err(error) => tracing::warn!(%error, "cannot read what shops have taught; trying again"),
                }
            });
        }
    }

    fn at_hand(&self) -> Shared {
        match self.current.read().unwrap_or_else(PoisonError::into_inner).clone() {
            None => Shared::Shipped(Index::shipped()),
            Some(index) => Shared::Taught(index),
        }
    }
}

/// The shipped reference with the database's aliases instead of its own, for each brand that the database knows.
fn with_aliases(shipped: &Reference, aliases: Vec<Alias>) -> Reference {
    let known: HashSet<&str> = aliases.iter().map(|alias| alias.brand.as_str()).collect();
    let mut by_car: HashMap<(&str, &str), Vec<&Alias>> = HashMap::new();
    for alias in &aliases {
        by_car.entry((&alias.brand, &alias.model)).or_default().push(alias);
    }
    let of = |brand: &str, model: &str, ambiguous: bool| -> Vec<String> {
        let taught = by_car.get(&(brand, model)).into_iter().flatten();
        taught.filter(|alias| alias.ambiguous == ambiguous).map(|alias| alias.alias.clone()).collect()
    };
    let mut reference = shipped.clone();
    for brand in &mut reference.brands {
        let brand_slug = slug(&brand.name);
        if !known.contains(brand_slug.as_str()) {
            continue;
        }
        brand.aliases = of(&brand_slug, "", false);
        for model in &mut brand.models {
            let model_slug = slug(&model.name);
            model.aliases = of(&brand_slug, &model_slug, false);
            model.ambiguous = of(&brand_slug, &model_slug, true);
        }
    }
    reference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taught_aliases_join_and_deleted_ones_go() {
        let shipped = Reference::parse(
            "[[brands]]\nname = \"Hongqi\"\nru = \"Хунци\"\naliases = [\"хончи\"]\n\
             [[brands.models]]\nname = \"H5\"\naliases = [\"аш пять\"]\n\
             [[brands]]\nname = \"Kia\"\nru = \"Киа\"\naliases = [\"кия\"]\n",
        )
        .unwrap();
        let taught = |model: &str, alias: &str| Alias {
            brand: "hongqi".into(),
            model: model.into(),
            alias: alias.into(),
            ambiguous: false,
        };
        let joined = with_aliases(&shipped, vec![taught("", "хуичи"), taught("h5", "аш пять")]);
        assert_eq!(joined.brands[0].aliases, ["хуичи"], "the deleted alias is gone, the taught one is there");
        assert_eq!(joined.brands[0].models[0].aliases, ["аш пять"]);
        assert_eq!(joined.brands[1].aliases, ["кия"], "a brand the database does not know keeps its own");

        let shared = Alias { ambiguous: true, ..taught("h5", "пятый") };
        let joined = with_aliases(&shipped, vec![shared, taught("h5", "аш пять")]);
        let model = &joined.brands[0].models[0];
        assert_eq!((&*model.aliases, &*model.ambiguous), (&["аш пять".to_owned()][..], &["пятый".to_owned()][..]));
        assert!(joined.brands[0].aliases.is_empty(), "a model's aliases are none of its brand");
    }
}
