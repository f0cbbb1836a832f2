//! Categories and options as a shop keeps them.

use crate::domain::catalog::Names;
use crate::domain::category::ShopCategory;
use crate::domain::shop_option::{ShopOption, ShopValue};
use crate::domain::tenant::Language;
use crate::proto::lekalo::v1 as pb;

impl From<ShopCategory> for pb::ShopCategory {
    fn from(category: ShopCategory) -> Self {
        let shared = category.is_shared();
        Self {
            code: category.code,
            display_names: Some(category.names.into()),
            descriptions: Some(category.descriptions.into()),
            emoji: category.emoji,
            sort_order: category.sort_order.into(),
            active: category.active,
            shared,
            etag: category.revision.to_string(),
        }
    }
}

impl From<ShopOption> for pb::ShopOption {
    fn from(option: ShopOption) -> Self {
        let (shared, active) = (option.is_shared(), option.is_active());
        Self {
            code: option.code,
            display_names: Some(option.names.into()),
            kind: pb::OptionKind::from(option.kind).into(),
            values: option.values.into_iter().map(Into::into).collect(),
            body_types: option.body_types.iter().map(ToString::to_string).collect(),
            emoji: option.emoji,
            sort_order: option.place.and_then(|place| i32::try_from(place).ok()).unwrap_or_default(),
            active,
            shared,
            etag: option.revision.to_string(),
        }
    }
}

impl From<ShopValue> for pb::ShopOptionValue {
    fn from(value: ShopValue) -> Self {
        let ShopValue { code, names, emoji, retired, .. } = value;
        Self { code, display_names: Some(names.into()), emoji, retired }
    }
}

impl From<Names> for pb::LocalizedName {
    fn from(names: Names) -> Self {
        let [ru, ky, en] = texts(&names);
        Self { ru, ky, en }
    }
}

impl From<Names> for pb::LocalizedText {
    fn from(names: Names) -> Self {
        let [ru, ky, en] = texts(&names);
        Self { ru, ky, en }
    }
}

fn texts(names: &Names) -> [String; 3] {
    [Language::Ru, Language::Ky, Language::En].map(|it| names.get(it).map(ToString::to_string).unwrap_or_default())
}
