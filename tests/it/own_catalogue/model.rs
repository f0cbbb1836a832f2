//! What a shop should have, by a slow and plain reckoning, and what is asked of it at random.

use std::collections::{BTreeMap, BTreeSet};

use lekalo::proto::lekalo::v1 as pb;

use super::calls::{described, or, text, words};
use crate::support::random::Random;

/// The options of a category, by a slow and plain reckoning.
#[derive(Clone, Default)]
pub struct Options {
    /// By code, without their places.
    pub all: BTreeMap<String, pb::ShopOption>,
    /// What is shared of them: names, and those of the values.
    pub shared: BTreeMap<String, (pb::LocalizedName, BTreeMap<String, pb::LocalizedName>)>,
    pub retired: BTreeSet<String>,
    /// The codes that have a place, in order.
    pub order: Vec<String>,
}

/// What a shop should have, by a slow and plain reckoning.
#[derive(Clone, Default)]
pub struct Model {
    pub categories: BTreeMap<String, pb::ShopCategory>,
    /// Names and descriptions of those that are shared.
    pub shared: BTreeMap<String, (pb::LocalizedName, pb::LocalizedName)>,
    /// Of those categories whose options have been looked at.
    pub options: BTreeMap<String, Options>,
}

impl Model {
    pub fn in_order(&self) -> Vec<pb::ShopCategory> {
        let mut all: Vec<_> = self.categories.values().cloned().collect();
        all.sort_by_key(|it| (it.etag == "0", it.sort_order, it.code.clone()));
        all
    }

    pub fn last(&self) -> i32 {
        self.categories.values().filter(|it| it.etag != "0").map(|it| it.sort_order + 1).max().unwrap_or_default()
    }

    pub fn create_category(&mut self, code: &str, new: &pb::ShopCategory) -> Result<(), &'static str> {
        if new.display_names.clone().unwrap_or_default().ru.is_empty() {
            return Err("FIELD_REQUIRED");
        }
        if self.categories.contains_key(code) || code == "mats_5d" {
            return Err("CATEGORY_EXISTS");
        }
        let sort_order = if new.sort_order == 0 { self.last() } else { new.sort_order };
        let category = pb::ShopCategory {
            code: code.into(),
            sort_order,
            active: true,
            etag: "1".into(),
            descriptions: described(or(&words(&new.descriptions), &Default::default())),
            ..new.clone()
        };
        self.categories.insert(code.into(), category);
        self.options.insert(code.into(), Options::default());
        Ok(())
    }

    pub fn update_category(&mut self, to: &pb::ShopCategory, paths: &[&str]) -> Result<(), &'static str> {
        let before = self.categories.get(&to.code).ok_or("CATEGORY_NOT_FOUND")?.clone();
        if !to.etag.is_empty() && to.etag != before.etag {
            return Err("ETAG_MISMATCH");
        }
        let (names, descriptions) = self.shared.get(&to.code).cloned().unwrap_or_default();
        let mut after = before.clone();
        for path in paths {
            match *path {
                "display_names" => after.display_names = or(&to.display_names, &names),
                "descriptions" => after.descriptions = described(or(&words(&to.descriptions), &descriptions)),
                "emoji" => after.emoji.clone_from(&to.emoji),
                "sort_order" => after.sort_order = to.sort_order,
                _ => after.active = to.active,
            }
        }
        if after == before {
            return Ok(());
        }
        if after.display_names.clone().unwrap_or_default().ru.is_empty() {
            return Err("FIELD_REQUIRED");
        }
        if before.etag == "0" && !paths.contains(&"sort_order") {
            after.sort_order = self.last();
        }
        after.etag = (before.etag.parse::<i64>().unwrap() + 1).to_string();
        self.categories.insert(after.code.clone(), after);
        Ok(())
    }

    pub fn delete_category(&mut self, code: &str) -> Result<(), &'static str> {
        let category = self.categories.get(code).ok_or("CATEGORY_NOT_FOUND")?;
        if category.shared {
            return Err("CATEGORY_SHARED");
        }
        self.categories.remove(code);
        self.options.remove(code);
        Ok(())
    }
}

impl Options {
    pub fn of(listed: Vec<pb::ShopOption>) -> Self {
        let mut options = Self::default();
        for option in listed {
            let values = option.values.iter().map(|it| (it.code.clone(), it.display_names.clone().unwrap()));
            let shared = (option.display_names.clone().unwrap(), values.collect());
            options.shared.insert(option.code.clone(), shared);
            options.order.push(option.code.clone());
            options.all.insert(option.code.clone(), pb::ShopOption { sort_order: 0, active: false, ..option });
        }
        options
    }

    /// Those that have a place in their order, then the others by code.
    pub fn listed(&self) -> Vec<pb::ShopOption> {
        let placed = (0..).zip(&self.order).map(|(place, code)| pb::ShopOption {
            sort_order: place,
            active: !self.retired.contains(code),
            ..self.all[code].clone()
        });
        let others = self.all.iter().filter(|(code, _)| !self.order.contains(code)).map(|(_, option)| option.clone());
        placed.chain(others).collect()
    }

    pub fn values(&self, code: &str, named: &[pb::ShopOptionValue]) -> Result<Vec<pb::ShopOptionValue>, &'static str> {
        let shared = self.shared.get(code).map(|(_, values)| values.clone()).unwrap_or_default();
        let mut after = Vec::new();
        for value in named {
            let names = or(&value.display_names, shared.get(&value.code).unwrap_or(&Default::default()));
            if names.clone().unwrap_or_default().ru.is_empty() {
                return Err("FIELD_REQUIRED");
            }
            after.push(pb::ShopOptionValue { display_names: names, ..value.clone() });
        }
        let before = self.all.get(code).map(|option| option.values.clone()).unwrap_or_default();
        for value in before {
            if named.iter().all(|other| other.code != value.code) {
                after.push(pb::ShopOptionValue { retired: true, ..value });
            }
        }
        Ok(after)
    }

    pub fn create(&mut self, code: &str, new: &pb::ShopOption) -> Result<(), &'static str> {
        if (new.kind() == pb::OptionKind::Choice) == new.values.is_empty() {
            return Err(if new.values.is_empty() { "FIELD_REQUIRED" } else { "FIELD_INVALID" });
        }
        if new.display_names.clone().unwrap_or_default().ru.is_empty() {
            return Err("FIELD_REQUIRED");
        }
        if self.all.contains_key(code) {
            return Err("OPTION_EXISTS");
        }
        let values = self.values(code, &new.values)?;
        if !values.is_empty() && values.iter().all(|value| value.retired) {
            return Err("FIELD_REQUIRED");
        }
        let place = if new.sort_order == 0 { self.order.len() } else { new.sort_order as usize };
        self.order.insert(place.min(self.order.len()), code.into());
        let option =
            pb::ShopOption { code: code.into(), values, sort_order: 0, active: false, etag: "1".into(), ..new.clone() };
        self.all.insert(code.into(), option);
        Ok(())
    }

    pub fn update(&mut self, to: &pb::ShopOption, paths: &[&str]) -> Result<(), &'static str> {
        let before = self.all.get(&to.code).ok_or("OPTION_NOT_FOUND")?.clone();
        if !to.etag.is_empty() && to.etag != before.etag {
            return Err("ETAG_MISMATCH");
        }
        let shared = self.shared.get(&to.code).map(|(names, _)| names.clone()).unwrap_or_default();
        let (mut after, mut order, mut retired) = (before.clone(), self.order.clone(), self.retired.clone());
        for path in paths {
            match *path {
                "display_names" => after.display_names = or(&to.display_names, &shared),
                "values" if before.kind() != pb::OptionKind::Choice && !to.values.is_empty() => {
                    return Err("FIELD_INVALID");
                }
                "values" => {
                    after.values = self.values(&to.code, &to.values)?;
                    if before.kind() == pb::OptionKind::Choice && after.values.iter().all(|value| value.retired) {
                        return Err("FIELD_REQUIRED");
                    }
                }
                "body_types" => after.body_types.clone_from(&to.body_types),
                "emoji" => after.emoji.clone_from(&to.emoji),
                "sort_order" => {
                    order.retain(|code| *code != to.code);
                    order.insert((to.sort_order as usize).min(order.len()), to.code.clone());
                }
                _ if to.active => _ = retired.remove(&to.code),
                _ => _ = retired.insert(to.code.clone()),
            }
        }
        if after == before && order == self.order && retired == self.retired {
            return Ok(());
        }
        if after.display_names.clone().unwrap_or_default().ru.is_empty() {
            return Err("FIELD_REQUIRED");
        }
        after.etag = (before.etag.parse::<i64>().unwrap() + 1).to_string();
        self.all.insert(to.code.clone(), after);
        (self.order, self.retired) = (order, retired);
        Ok(())
    }
}

pub fn any_text(random: &mut Random) -> Option<pb::LocalizedName> {
    let (ru, ky, en) = (random.below(6), random.below(3), random.below(3));
    text(
        ["", "Имя", "Другое", "Имя", "EVA-коврики", "Кант"][ru],
        ["", "Аты", "Башка"][ky],
        ["", "Name", "EVA mats"][en],
    )
}

pub fn any_etag(random: &mut Random, now: &str) -> String {
    match random.below(6) {
        0 => now.to_owned(),
        1 => "77".to_owned(),
        _ => String::new(),
    }
}

pub fn some_of<const N: usize>(random: &mut Random, all: [&'static str; N]) -> Vec<&'static str> {
    let mut paths: Vec<&str> = all.into_iter().filter(|_| random.below(4) == 0).collect();
    if paths.is_empty() {
        paths.push(all[random.below(N)]);
    }
    paths
}

pub fn any_category(random: &mut Random) -> pb::ShopCategory {
    pb::ShopCategory {
        display_names: any_text(random),
        descriptions: described(any_text(random)),
        emoji: ["", "🚗", "🚪"][random.below(3)].into(),
        sort_order: random.below(5) as i32,
        active: random.below(3) > 0,
        ..Default::default()
    }
}

pub fn any_option(random: &mut Random) -> pb::ShopOption {
    let mut values = Vec::new();
    for code in ["press", "suede", "black", "red"] {
        if random.below(2) == 0 {
            values.insert(
                random.below(values.len() + 1),
                pb::ShopOptionValue {
                    code: code.into(),
                    display_names: if random.below(8) == 0 { text("", "", "") } else { text("Цвет", "", "Colour") },
                    emoji: ["", "🖤"][random.below(2)].into(),
                    retired: random.below(5) == 0,
                },
            );
        }
    }
    let body_types: &[&str] = [&[][..], &[], &["suv"], &["sedan", "minivan"]][random.below(4)];
    pb::ShopOption {
        display_names: any_text(random),
        values,
        body_types: body_types.iter().map(|body| (*body).to_owned()).collect(),
        emoji: ["", "✨"][random.below(2)].into(),
        sort_order: random.below(4) as i32,
        active: random.below(3) > 0,
        ..Default::default()
    }
}
