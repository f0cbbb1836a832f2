//! How much there is, and what needs somebody's attention.

/// Row counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub tenants: i64,
    /// Categories sold, added up over tenants.
    pub categories: i64,
    pub brands: i64,
    pub models: i64,
    pub model_variants: i64,
    pub aliases: i64,
    pub patterns: i64,
    pub patterns_available: i64,
    /// Price lines in force.
    pub prices: i64,
    pub texts: i64,
    pub applications: i64,
    /// A dry run counts once it is carried out.
    pub imports: i64,
}

impl Counts {
    /// Adds a tenant's own counts.
    pub fn add_own(&mut self, own: &Self) {
        self.categories += own.categories;
        self.patterns += own.patterns;
        self.patterns_available += own.patterns_available;
        self.prices += own.prices;
        self.texts += own.texts;
        self.applications += own.applications;
        self.imports += own.imports;
    }
}

/// The whole report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    pub counts: Counts,
    pub top_brands: Vec<BrandModels>,
    /// With the tenant's slug.
    pub unpriced: Vec<(String, UnpricedBody)>,
    pub missing_translations: Vec<MissingTranslation>,
    /// With the tenant's slug.
    pub open_import_issues: Vec<(String, OpenImportIssue)>,
}

/// A brand and how many of its models there are available patterns for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrandModels {
    pub slug: String,
    pub name: String,
    pub models: i64,
}

/// A body that can be ordered and has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpricedBody {
    pub category: String,
    /// Empty where not even the model's body is known.
    pub body_type: String,
    pub patterns: i64,
}

/// A name or text that lacks languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingTranslation {
    pub table: String,
    pub key: String,
    pub languages: Vec<String>,
}

/// An issue that rows of an import have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenImportIssue {
    pub import_id: String,
    pub file_name: String,
    pub code: String,
    pub rows: i64,
}
