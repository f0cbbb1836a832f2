//! What a search answers with: which name, which words, how, and how much of the text it explains.

use std::ops::{Range, RangeInclusive};

use super::index::{BrandId, ModelId};
use super::transliteration::Transliteration;

/// How a text was matched with a name, surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchKind {
    /// Spelled as a name or a known alias.
    Spelled,
    /// Cyrillic letters that look like the Latin ones.
    LookAlike,
    /// An engine badge that names the model: RX 350.
    Badge,
    /// In the other alphabet.
    Transliteration,
    /// Without "Model", "Series" or "Class".
    Bare,
    /// Nothing but a generation code: W212.
    Code,
    /// Typed with the other keyboard layout.
    Layout,
    /// Misspelled as it sounds.
    Sound,
    /// Letters mistaken for ones that look alike.
    Shape,
    /// The beginning of the name.
    Prefix,
    /// So many letters are wrong, missing, too many or swapped.
    Typo(u8),
}

impl MatchKind {
    /// Whether the text says exactly this name; otherwise it was guessed.
    pub const fn is_certain(self) -> bool {
        matches!(self, Self::Spelled | Self::LookAlike | Self::Badge | Self::Transliteration | Self::Bare | Self::Code)
    }

    /// What a match of this kind loses, counted in letters.
    pub(super) fn penalty(self) -> f32 {
        match self {
            Self::Spelled => 0.0,
            Self::LookAlike | Self::Badge => 0.1,
            Self::Transliteration => 0.2,
            Self::Bare | Self::Code => 0.3,
            Self::Layout => 0.5,
            Self::Sound => 0.6,
            Self::Shape => 0.9,
            Self::Prefix => 1.5,
            Self::Typo(letters) => 2.0 * f32::from(letters),
        }
    }

    pub(super) fn from_reading(reading: Transliteration) -> Self {
        match reading {
            Transliteration::Plain => Self::Spelled,
            Transliteration::LookAlike => Self::LookAlike,
            Transliteration::Phonetic => Self::Transliteration,
            Transliteration::Layout => Self::Layout,
        }
    }
}

/// Where to look for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Among the models of one brand.
    Brand(BrandId),
    /// Everywhere; guesses are held to stricter rules.
    All,
}

impl Scope {
    /// The models from the first to the last that are to be found there.
    pub(super) fn models(self) -> RangeInclusive<ModelId> {
        let (from, to) = match self {
            Self::Brand(brand) => (brand, brand),
            Self::All => (BrandId(0), BrandId(usize::MAX)),
        };
        ModelId { brand: from, model: 0 }..=ModelId { brand: to, model: usize::MAX }
    }

    /// Whether a model is to be found there.
    pub fn has(self, model: ModelId) -> bool {
        self == Self::All || self == Self::Brand(model.brand)
    }
}

/// A brand that a run of words names.
#[derive(Debug, Clone, PartialEq)]
pub struct BrandMatch {
    pub brand: BrandId,
    pub how: MatchKind,
    /// Which of the given words.
    pub span: Range<usize>,
    /// Letters explained, less what the way of matching costs.
    pub weight: f32,
}

/// A model that a run of words names.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelMatch {
    pub model: ModelId,
    pub how: MatchKind,
    /// Which of the given words.
    pub span: Range<usize>,
    /// Letters explained, less what the way of matching costs.
    pub weight: f32,
}
