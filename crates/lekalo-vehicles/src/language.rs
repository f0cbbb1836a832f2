//! The languages that people are answered in.

use crate::vocabulary;

vocabulary! {
    /// A language texts and names exist in.
    #[derive(Default)]
    Language {
        #[default]
        Ru = "ru",
        Ky = "ky",
        En = "en",
    }
}

impl Language {
    /// In which order to look for a text: the asked language, the tenant's own, Russian.
    pub fn fallbacks(self, tenant_default: Self) -> Vec<Self> {
        let mut order = Vec::with_capacity(3);
        for language in [self, tenant_default, Self::Ru] {
            if !order.contains(&language) {
                order.push(language);
            }
        }
        order
    }

    /// The same where a text in any language is better than none.
    pub fn fallbacks_to_any(self, tenant_default: Self) -> Vec<Self> {
        let mut order = self.fallbacks(tenant_default);
        order.extend(Self::ALL.iter().filter(|language| !order.contains(language)).copied().collect::<Vec<_>>());
        order
    }
}
