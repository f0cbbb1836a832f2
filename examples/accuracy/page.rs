//! What was measured as one text, for the terminal and for `docs/accuracy.md`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lekalo_vehicles::Index;

/// What stands before the figures: what each of them means.
const HEAD: &str = include_str!("head.md");

/// Parts with tables, in Markdown.
#[derive(Default)]
pub struct Page {
    body: String,
    skipped: Vec<String>,
}

impl Page {
    pub fn part(&mut self, title: &str) {
        self.body += &format!("\n## {title}\n");
    }

    /// A table stands as it is printed: aligned by spaces.
    pub fn table(&mut self, title: &str, table: &str) {
        self.body += &format!("\n### {title}\n\n```text\n{}\n```\n", table.trim_end());
    }

    /// A file or folder, if it is there; says so loudly if it is not.
    pub fn find(&mut self, folder: &Path, name: &str) -> Option<PathBuf> {
        let path = folder.join(name);
        if path.exists() {
            return Some(path);
        }
        eprintln!("SKIPPED: there is no {}", path.display());
        self.skipped.push(name.to_owned());
        self.body += &format!("\nNot measured: {name} was not at hand.\n");
        None
    }

    pub fn text(&self) -> &str {
        &self.body
    }

    /// Replaces the page. Where a list is missing it would lose figures, so that is refused.
    pub fn write(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        if !self.skipped.is_empty() {
            return Err(format!("{} stays as it is: {} skipped", path.display(), self.skipped.join(", ")).into());
        }
        let models: usize = Index::shipped().reference().brands.iter().map(|brand| brand.models.len()).sum();
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let day = now.split('T').next().unwrap_or_default();
        let head = HEAD
            .replace("{day}", day)
            .replace("{version}", env!("CARGO_PKG_VERSION"))
            .replace("{models}", &models.to_string());
        let body = self.body.replace("\n## Calibration\n", "\n## Calibration\n\n![Calibration](accuracy.svg)\n");
        Ok(std::fs::write(path, format!("{head}{body}"))?)
    }
}
